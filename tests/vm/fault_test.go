package vm

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"snappipe/format"
)

// Everything that stands in the way of a snapshot is refused by name, and the
// machine goes on.
func TestSnapshotRefused(t *testing.T) {
	Require(t)
	ext4, swap, slow := newDisk(t, 64), newDisk(t, 64), newDisk(t, 64)
	output(t, "", "mkfs.ext4", "-q", ext4)
	m := Start(t, Config{Memory: 512, CPUs: 2, Disks: []string{ext4, swap}, Args: []string{
		"-drive", "file=" + slow + ",if=none,id=slow,format=raw,throttling.bps-total=1024", "-device", "virtio-blk-pci,drive=slow"}})
	startWitnesses(m, 4)
	before := hear(t, m)
	for _, c := range []struct{ name, before, after, want string }{
		{"mounted", "mount /dev/vda /mnt", "umount /mnt", "/dev/vda (ext4 on /mnt)"},
		{"mounted elsewhere", "unshare -m sh -c 'mount --make-rprivate / 2>/dev/null; mount /dev/vda /mnt; exec sleep 1000' & sleep 1", "kill $!; wait $!; true", "/dev/vda (ext4 on /mnt)"},
		{"swap", "mkswap /dev/vdb >/dev/null && swapon /dev/vdb", "swapoff /dev/vdb", "/dev/vdb (swap)"},
		{"in use", "sleep 1000 < /dev/snapshot & sleep 1", "kill $!; wait $!; true", "(sleep)"},
		{"no device", "mv /dev/snapshot /dev/elsewhere", "mv /dev/elsewhere /dev/snapshot", "no such device"},
		{"a task that sleeps", "dd if=/dev/vdc of=/dev/null bs=1M count=1 2>/dev/null & sleep 1", "kill -9 $!; wait $!; true", "(dd)"},
	} {
		m.Run(c.before)
		out, status := m.Try("snapcat > /run/img")
		m.Run(c.after)
		if status != 4 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit status %d\n%s", c.name, status, out)
		}
		t.Logf("%s: %s", c.name, out)
	}
	if out, status := m.Try("su nobody -c 'snapcat > /dev/null'"); status != 4 || !strings.Contains(out, "no permission") {
		t.Errorf("no privilege: exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
	if out, status := m.Try("mount -o ro /dev/vda /mnt && snapcat | snapverify > /run/img && snapresume --check /run/img && umount /mnt"); status != 0 {
		t.Errorf("mounted read-only: exit status %d\n%s", status, out)
	}
}

func TestSnapshotWithoutHibernation(t *testing.T) {
	Require(t)
	m := Start(t, Config{Memory: 512, Append: "nohibernate"})
	if out, status := m.Try("snapcat > /run/img"); status != 4 || !strings.Contains(out, "nohibernate") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// Of two at once, one may have to give way, but neither hangs nor fails.
func TestTwoSnapshotsAtOnce(t *testing.T) {
	Require(t)
	m := Start(t, Config{Memory: 512, CPUs: 2})
	startWitnesses(m, 4)
	before := hear(t, m)
	for range 5 {
		out := m.Run("snapcat -q > /dev/null 2> /run/first & p=$!; snapcat -q > /dev/null 2> /run/second; echo $?; wait $p; echo $?; cat /run/first /run/second")
		first, rest, _ := strings.Cut(out, "\n")
		second, rest, _ := strings.Cut(rest, "\n")
		switch first + second {
		case "00":
		case "04", "40":
			if !strings.Contains(rest, "it is in use by pid") {
				t.Error(out)
			}
		default:
			t.Error(out)
		}
		t.Log(out)
	}
	sameWitnesses(t, m, before)
}

// A machine whose memory is full of what cannot be dropped.
func TestSnapshotTooLarge(t *testing.T) {
	Require(t)
	m := Start(t, Config{Memory: 512, CPUs: 2})
	startWitnesses(m, 55)
	before := hear(t, m)
	out, status := m.Try("snapcat > /dev/null")
	if status != 4 || !strings.Contains(out, "memory: ") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	t.Log(out)
	sameWitnesses(t, m, before)
}

// saved is a disk with an image, and what is needed to see it resumed.
type saved struct {
	config Config
	disk   string
	save   Job
	before map[string]testimony
}

// newSaved saves a machine to its first disk. It may have further ones: with
// another number, a machine is not the same any more, since the firmware's
// tables take up another amount of memory.
func newSaved(t *testing.T, more ...string) *saved {
	t.Helper()
	s := &saved{disk: newDisk(t, 300)}
	s.config = Config{Memory: 512, CPUs: 2, Disks: append([]string{s.disk}, more...)}
	m := Start(t, s.config)
	startWitnesses(m, 1)
	s.before = hear(t, m)
	s.save = m.Begin("snapcat | snapcompress | snapverify > /dev/vda")
	if out, status := m.End(s.save); status != 0 {
		t.Fatalf("save: exit status %d\n%s", status, out)
	}
	m.PowerOff()
	return s
}

// An image of another machine is refused before a byte of it has reached the
// kernel, and this machine goes on.
func TestResumeElsewhere(t *testing.T) {
	Require(t)
	s := newSaved(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"memory":    {func(c *Config) { c.Memory = 640 }, "another memory"},
		"CPU":       {func(c *Config) { c.CPU = "Nehalem" }, "another CPU"},
		"CPU flags": {func(c *Config) { c.CPU = "max,-rdrand" }, "rdrand"},
		"kernel":    {func(c *Config) { c.Kernel = DebianCloud(t) }, "another kernel"},
	} {
		t.Run(name, func(t *testing.T) {
			config := s.config
			c.change(&config)
			m := Start(t, config)
			out, status := m.Try("snapresume /dev/vda")
			if status != 4 || !strings.Contains(out, c.want) {
				t.Errorf("exit status %d\n%s", status, out)
			}
			t.Log(out)
		})
	}
	m := Start(t, s.config)
	if out, status := m.Resume("snapresume /dev/vda", s.save); status != 0 {
		t.Errorf("exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, s.before)
}

// A damaged image is never resumed, whatever the damage; afterwards the good
// one still is.
func TestResumeDamaged(t *testing.T) {
	Require(t)
	const apart = 128 << 20 // on the second disk, where the damaged ones lie
	scratch := newDisk(t, 2<<10)
	s := newSaved(t, scratch)
	good := read(t, s.disk)
	frames := framesOf(t, good)
	newer := read(t, newSaved(t).disk)
	half := frames["end"].end / 2
	damaged := map[string][]byte{
		"an older image behind a newer one": append(bytes.Clone(newer[:half]), good[half:frames["end"].end]...),
		"cut off":                           append(bytes.Clone(good[:len(good)/8]), make([]byte, len(good)/8)...),
		"empty":                             make([]byte, 1<<20),
	}
	for kind, f := range frames {
		b := bytes.Clone(good[:frames["end"].end])
		b[f.start+rand.Int64N(f.end-f.start)] ^= 1 << rand.IntN(8)
		damaged["a bit of a frame: "+kind] = b
	}
	names := slices.Sorted(maps.Keys(damaged))
	f, err := os.OpenFile(scratch, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if len(damaged[name]) > apart {
			t.Fatalf("%s: %d bytes are too many for this test", name, len(damaged[name]))
		}
		if _, err := f.WriteAt(damaged[name], int64(i)*apart); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m := Start(t, s.config)
	for i, name := range names {
		out, status := m.Try(fmt.Sprintf("dd if=/dev/vdb bs=1M skip=%d 2> /dev/null | head -c %d | snapresume", i*apart>>20, len(damaged[name])))
		if status != 3 {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
		t.Logf("%s: %s", name, out)
	}
	m.PowerOff()

	m = Start(t, s.config)
	if out, status := m.Resume("snapresume /dev/vda", s.save); status != 0 {
		t.Errorf("exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, s.before)
}

// place is where a frame lies in a stream.
type place struct{ start, end int64 }

// framesOf finds one frame of each kind.
func framesOf(t *testing.T, stream []byte) map[string]place {
	t.Helper()
	r := format.NewReader(bytes.NewReader(stream))
	r.Device = true
	if _, err := r.Info(); err != nil {
		t.Fatal(err)
	}
	_, at := r.Progress()
	places := map[string]place{"image": {0, at}}
	for f := new(format.Frame); ; {
		err := r.Next(f)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		_, end := r.Progress()
		places[f.Type.String()] = place{at, end}
		if at = end; err == io.EOF {
			return places
		}
	}
}

// The power is cut at any moment of a save. The next boot either resumes a
// complete image or has none.
func TestPowerCut(t *testing.T) {
	Require(t)
	for i := range 20 {
		disk := newDisk(t, 300)
		config := Config{Memory: 512, CPUs: 2, Disks: []string{disk}}
		m := Start(t, config)
		startWitnesses(m, 1)
		before := hear(t, m)
		save := m.Begin("snapcat | snapcompress | snapverify > /dev/vda")
		time.Sleep(time.Duration(rand.Int64N(int64(7 * time.Second))))
		m.Kill()

		m = Start(t, config)
		if out, status := m.Try("snapverify --check < /dev/vda"); status != 0 {
			t.Logf("%d: no image: %s", i, out)
			if out, status := m.Try("snapresume < /dev/vda"); status != 3 {
				t.Errorf("%d: exit status %d\n%s", i, status, out)
			}
			m.Kill()
			continue
		}
		t.Logf("%d: a complete image", i)
		m.Resume("snapresume < /dev/vda", save)
		sameWitnesses(t, m, before)
		m.Kill()
	}
}
