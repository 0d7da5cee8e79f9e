package linux

import (
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// An image that takes more than a third of the memory can be resumed in the
// same boot: it is restored from where it is, and not loaded.
func TestTwiceTheImage(t *testing.T) {
	vm.Require(t)
	m := start(t, plain, vm.Config{Memory: 512})
	m.Run("echo 0 > /proc/sys/vm/overcommit_memory; witness start 36")
	free := m.Run("free -m | awk '/Mem/ { print $3 * 100 / $2 }'")
	t.Logf("%s%% of the memory are in use", strings.TrimSpace(free))
	m.Run("echo $((230 << 20)) > /sys/power/image_size")
	for range 5 {
		m.Run("/tmp/linus")
	}
	wellWitnessed(t, m)
}

// Page cache gives way to an image that is loaded.
func TestPageCache(t *testing.T) {
	vm.Require(t)
	c := vm.Config{Memory: 512, Disks: []string{emptyDisk(t)}}
	first := start(t, plain, c)
	first.Run("witness start 36")
	snap := first.Begin("/tmp/snap /dev/vda")
	if out, status := first.End(snap); status != 0 {
		t.Fatalf("snap: exit status %d\n%s", status, out)
	}
	first.PowerOff()

	second := start(t, plain, c)
	second.Run("cat /dev/vda > /dev/null")
	t.Log(second.Run("free -m"))
	if out, status := second.Resume("/tmp/resume /dev/vda", snap); status != 3 {
		t.Fatalf("snap in the resumed machine: exit status %d\n%s", status, out)
	}
	wellWitnessed(t, second)
}
