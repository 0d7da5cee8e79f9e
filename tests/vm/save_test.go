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
		memory, cpus int
		save, resume string
	}{
		"zstd, 2 CPUs, 512M": {512, 2, "snapcat -v | snapcompress | snapverify > /dev/vda", "snapresume < /dev/vda"},
		"s2, 1 CPU, 1G":      {1024, 1, "snapcat -v | snapcompress --codec s2 | snapverify > /dev/vda", "snapresume /dev/vda"},
		"gzip, 2 CPUs, 1G":   {1024, 2, "snapcat -v | snapcompress --codec gzip | snapverify > /dev/vda", "snapcompress -d < /dev/vda | snapverify | snapresume"},
		"lz4, 1 CPU, 512M":   {512, 1, "snapcat -v | snapcompress --codec lz4 | snapverify > /dev/vda", "snapresume /dev/vda"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := newDisk(t, 600)
			config := Config{Memory: c.memory, CPUs: c.cpus, Disks: []string{disk}}

			first := Start(t, config)
			startWitnesses(first, 4)
			before := hear(t, first)
			save := first.Begin(c.save)
			out, status := first.End(save)
			if status != 0 || !strings.Contains(out, "the machine stood still for ") {
				t.Fatalf("save: exit status %d\n%s", status, out)
			}
			sameWitnesses(t, first, before)
			first.PowerOff()

			image := fileSum(t, disk)
			second := Start(t, config)
			out, status = second.Resume(c.resume, save)
			if status != 0 || !strings.Contains(out, "resumed from the snapshot") {
				t.Errorf("in the resumed machine, the save ended with %d\n%s", status, out)
			}
			sameWitnesses(t, second, before)
			second.Run("sync")
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
