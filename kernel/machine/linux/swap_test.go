// A machine with most of its memory in use, and swap, by way of the calls.

package linux

import (
	"os/exec"
	"testing"

	"snappipe/tests/vm"
)

// A machine with most of its memory in use by processes, and one with nearly all of it,
// page out until an image fits, are saved and resumed. Both kinds of areas are there: a
// disk, and a file of one. Package vm tries the other way in, and more.
func TestSwap(t *testing.T) {
	vm.RequireTime(t)
	t.Parallel()
	mounted := emptyDisk(t, 128)
	if out, err := exec.Command("/sbin/mkfs.ext2", "-q", mounted).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext2: %v\n%s", err, out)
	}
	c := vm.Config{Memory: 512, CPUs: 2, Disks: []string{mounted, emptyDisk(t, 800), emptyDisk(t, 400)}}
	m := start(t, plain, c)
	m.Run("witness start 4; mount /dev/vda /mnt && dd if=/dev/zero of=/mnt/swap bs=1M count=64 2> /dev/null")
	m.Run("chmod 600 /mnt/swap && mkswap /mnt/swap && mkswap /dev/vdb && swapon /mnt/swap && swapon /dev/vdb")
	for _, share := range []float64{0.8, 0.95} {
		m.Run(vm.Hog(share))
		t.Log(m.Run("free -m"))
		save := m.Begin("sh -c 'set -o pipefail; snapcat -v --freeze-filesystems --then poweroff | snapcompress | snapverify > /dev/vdc'")
		m.Off()

		m = start(t, plain, c)
		if out, status := m.Try("swapon /dev/vdb"); status == 0 {
			t.Errorf("swapon takes the area of a saved machine: %s", out)
		}
		if out, status := m.Resume("snapresume --once /dev/vdc", save); status != 0 {
			t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
		}
		m.Run("touch /run/look; until [ -e /run/seen ]; do sleep 1; done")
		if seen := m.Run("cat /run/seen; rm /run/seen"); seen != "0 words are wrong\n" {
			t.Errorf("what was in memory has changed: %s", seen)
		}
		wellWitnessed(t, m)
		m.Run(vm.Unhog)
	}
}
