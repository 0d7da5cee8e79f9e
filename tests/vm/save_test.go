// A machine is saved, switched off and resumed.

package vm

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

func fileSum(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Save to a raw disk, power off, boot, resume: the machine goes on where it
// was, and the disk keeps the image.
func TestSaveAndResume(t *testing.T) {
	Require(t)
	for name, c := range map[string]struct {
		kernel       func(testing.TB) Kernel
		bus          string
		memory, cpus int
		save, resume string
	}{
		"zstd, 2 CPUs, 512M":                {Debian, "", 512, 2, "snapcat -v | snapcompress | snapverify > DISK", "snapresume < DISK"},
		"s2, 1 CPU, 1G, NVMe":               {Debian, "nvme", 1024, 1, "snapcat -v | snapcompress --codec s2 | snapverify > DISK", "snapresume DISK"},
		"gzip, 2 CPUs, 1G, AHCI, Linux 6.1": {DebianOlder, "ahci", 1024, 2, "snapcat -v | snapcompress --codec gzip | snapverify > DISK", "snapcompress -d < DISK | snapverify | snapresume"},
		"lz4, 1 CPU, 512M, a cloud's":       {DebianCloud, "nvme", 512, 1, "snapcat -v | snapcompress --codec lz4 | snapverify > DISK", "snapresume DISK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := newDisk(t, 600)
			config := Config{Memory: c.memory, CPUs: c.cpus, Disks: []string{disk}, Bus: c.bus, Kernel: c.kernel(t)}
			onDisk := func(command string) string { return strings.ReplaceAll(command, "DISK", buses[c.bus].disk(0)) }

			first := Start(t, config)
			startWitnesses(first, 4)
			before := hear(t, first)
			save := first.Begin(onDisk(c.save))
			out, status := first.End(save)
			if status != 0 || !strings.Contains(out, "the machine stood still for ") {
				t.Fatalf("save: exit status %d\n%s", status, out)
			}
			sameWitnesses(t, first, before)
			first.PowerOff()

			image := fileSum(t, disk)
			second := Start(t, config)
			out, status = second.Resume(onDisk(c.resume), save)
			if status != 0 || !strings.Contains(out, "resumed from the snapshot") {
				t.Errorf("in the resumed machine, the save ended with %d\n%s", status, out)
			}
			sameWitnesses(t, second, before)
			// Nothing of the image was on the disk when it was made, so that it
			// is the disk that is read here.
			second.Run(onDisk(`test "$(head -c 4 DISK | tail -c 3)" = SNP`))
			second.PowerOff()
			if fileSum(t, disk) != image {
				t.Error("the resumed machine has changed the image it came from")
			}
		})
	}
}

// The command of Linus's test, in one boot again and again.
func TestSnapcatIntoSnapresume(t *testing.T) {
	Require(t)
	t.Parallel()
	m := Start(t, Config{Memory: 512, CPUs: 2})
	startWitnesses(m, 4)
	for i := range 10 {
		before := hear(t, m)
		out, status := m.Try("snapcat | snapresume")
		if status != 0 || !strings.Contains(out, "resumed from the snapshot") {
			t.Fatalf("time %d: exit status %d\n%s", i, status, out)
		}
		sameWitnesses(t, m, before)
	}
}

// The machine goes on after a snapshot, and is taken back to it: what it did
// meanwhile has never been.
func TestGoOnThenBack(t *testing.T) {
	Require(t)
	t.Parallel()
	m := Start(t, Config{Memory: 1024, CPUs: 2})
	startWitnesses(m, 4)
	before := hear(t, m)
	m.Run("touch /run/old")
	// In the resumed machine the file is empty, as it was when the image was
	// made, and nothing is written to it.
	out, status := m.Try("snapcat | snapcompress | snapverify > /run/img && if [ -s /run/img ]; then rm /run/old && sleep 3 && snapresume /run/img; else ls /run/old; fi")
	if status != 0 || !strings.Contains(out, "/run/old") {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
}
