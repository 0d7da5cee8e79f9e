// The power is cut.

package vm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// The power is cut at any moment of a save, over the image of an earlier one.
// The next boot continues a whole image, be it the new one or the earlier, or
// has none and goes on as usual.
//
// All moments are of one save: QEMU is stopped dead, and the disk copied as it
// would have been left.
func TestPowerCut(t *testing.T) {
	Require(t)
	t.Parallel()
	cuts := Times(4, 20)
	const save = "snapcat | snapcompress --codec s2 | snapverify > /dev/vda"
	disk, copies := newDisk(t, 160), t.TempDir()
	config := Config{Memory: 512, Disks: []string{disk}}
	m := Start(t, config)
	startWitnesses(m, 1)
	before := hear(t, m)
	began := time.Now()
	earlier := m.Begin(save)
	if out, status := m.End(earlier); status != 0 {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	lasted := time.Since(began)

	moments := make([]time.Duration, cuts)
	for i := range moments {
		moments[i] = rand.N(lasted)
	}
	slices.Sort(moments)
	newer, ran := m.Begin(save), time.Duration(0)
	for i, at := range moments {
		time.Sleep(at - ran)
		ran = at
		m.signal(syscall.SIGSTOP)
		output(t, "", "cp", "--sparse=always", disk, filepath.Join(copies, fmt.Sprint(i)))
		m.signal(syscall.SIGCONT)
	}
	m.Kill()

	for i, at := range moments {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			disk := filepath.Join(copies, fmt.Sprint(i))
			defer os.Remove(disk)
			m := Start(t, Config{Memory: 512, Disks: []string{disk}})
			defer m.Kill()
			if out, status := m.Try("snapverify --check -q < /dev/vda"); status == 0 {
				t.Logf("after %v of %v: a whole image", at, lasted)
				m.Resume("snapresume -q < /dev/vda", earlier, newer)
				sameWitnesses(t, m, before)
			} else if out2, status := m.Try("snapresume -q < /dev/vda"); status != 3 {
				t.Errorf("exit status %d: %s%s", status, out, out2)
			} else {
				t.Logf("after %v of %v: %s", at, lasted, out)
				m.Run("test -e /init")
			}
		})
	}
}
