// Images that are damaged, or of another machine.

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

	"snappipe/format"
)

// An image of another machine is refused before a byte of it has reached the
// kernel, and a damaged one is never resumed. The machine goes on, and the good
// image is still good afterwards.
func TestImageThatIsNoGood(t *testing.T) {
	Require(t)
	t.Parallel()
	older, newer, scratch := newDisk(t, 200), newDisk(t, 200), newDisk(t, 2<<10)
	// With another number of disks a machine is not the same any more, since
	// the firmware's tables take up another amount of memory.
	config := Config{Memory: 512, CPUs: 2, Disks: []string{older, newer, scratch}}
	m := Start(t, config)
	startWitnesses(m, 1)
	m.Run("snapcat | snapcompress | snapverify > /dev/vda")
	before := hear(t, m)
	save := m.Begin("snapcat | snapcompress | snapverify > /dev/vdb")
	m.Saved(save)
	m.PowerOff()

	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"memory":    {func(c *Config) { c.Memory = 640 }, "another memory"},
		"CPU":       {func(c *Config) { c.CPU = "Nehalem" }, "another CPU"},
		"CPU flags": {func(c *Config) { c.CPU = inWords + ",-rdrand" }, "rdrand"},
		"kernel":    {func(c *Config) { c.Kernel = DebianCloud(t) }, "another kernel"},
	} {
		other := config
		c.change(&other)
		m := Start(t, other)
		if out, status := m.Try("snapresume /dev/vdb"); status != 4 || !strings.Contains(out, c.want) {
			t.Errorf("another %s: exit status %d\n%s", name, status, out)
		}
		m.Kill()
	}

	damaged := damage(t, read(t, older), read(t, newer))
	place(t, damaged, scratch)
	m = Start(t, config)
	for i, name := range slices.Sorted(maps.Keys(damaged)) {
		out, status := m.Try(fmt.Sprintf("dd if=/dev/vdc bs=1M skip=%d 2> /dev/null | head -c %d | snapresume", i*apart>>20, len(damaged[name])))
		if status != 3 {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
		t.Logf("%s: %s", name, out)
	}
	if out, status := m.Resume("snapresume /dev/vdb", save); status != 0 {
		t.Errorf("the good one: exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
}

// damage makes images that are no good out of two that are.
func damage(t *testing.T, older, newer []byte) map[string][]byte {
	t.Helper()
	old, frames := framesOf(t, older), framesOf(t, newer)
	end := frames["end"].end
	cut := min(end, old["end"].end) / 2
	damaged := map[string][]byte{
		"the remains of an older one behind half a newer one": append(bytes.Clone(newer[:cut]), older[cut:old["end"].end]...),
		"half":                  append(bytes.Clone(newer[:end/2]), make([]byte, 1<<20)...),
		"all but the last byte": append(bytes.Clone(newer[:end-1]), make([]byte, 1<<20)...),
		"none":                  make([]byte, 1<<20),
	}
	for kind, f := range frames {
		b := bytes.Clone(newer[:end])
		b[f.start+rand.Int64N(f.end-f.start)] ^= 1 << rand.IntN(8)
		damaged["a bit of a frame: "+kind] = b
	}
	return damaged
}

// apart is how far from each other damaged images lie on their disk.
const apart = 128 << 20

// place writes images to a disk, in the order of their names.
func place(t *testing.T, images map[string][]byte, disk string) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, name := range slices.Sorted(maps.Keys(images)) {
		if len(images[name]) > apart {
			t.Fatalf("%s: %d bytes are too many for this test", name, len(images[name]))
		}
		if _, err := f.WriteAt(images[name], int64(i)*apart); err != nil {
			t.Fatal(err)
		}
	}
}

// span is where a frame lies in a stream.
type span struct{ start, end int64 }

// framesOf finds the first frame of each kind: the sooner a reader comes to it,
// the less it takes.
func framesOf(t *testing.T, stream []byte) map[string]span {
	t.Helper()
	r := format.NewReader(bytes.NewReader(stream))
	r.Device = true
	if _, err := r.Info(); err != nil {
		t.Fatal(err)
	}
	_, at := r.Progress()
	spans := map[string]span{"image": {0, at}}
	for f := new(format.Frame); ; {
		err := r.Next(f)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		_, end := r.Progress()
		kind := f.Type.String()
		if err == io.EOF { // the reader keeps that frame
			kind = format.TypeEnd.String()
		}
		if _, seen := spans[kind]; !seen {
			spans[kind] = span{at, end}
		}
		if at = end; err == io.EOF {
			return spans
		}
	}
}
