package linux

import (
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// The tools use the calls where the kernel has them. That they do shows in
// what they say: from outside of the call, it can only be said that the
// machine stood still for less than so long.
const byTheCalls = "stood still for less than"

func TestPipeline(t *testing.T) {
	vm.Require(t)
	c := vm.Config{Memory: 512, CPUs: 2, Disks: []string{emptyDisk(t)}}
	first := start(t, plain, c)
	first.Run("witness start 16")
	save := first.Begin("snapcat -v | snapcompress | snapverify > /dev/vda")
	out, status := first.End(save)
	if status != 0 || !strings.Contains(out, byTheCalls) {
		t.Fatalf("save: exit status %d\n%s", status, out)
	}
	t.Log(out)
	first.PowerOff()

	second := start(t, plain, c)
	if out, status = second.Resume("snapresume < /dev/vda", save); status != 0 {
		t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	wellWitnessed(t, second)
}

// An image of one way in is resumed by the other: taken by snapshot_system,
// /dev/snapshot takes it back, and the other way round.
func TestInterchange(t *testing.T) {
	vm.Require(t)
	c := vm.Config{Memory: 512, Disks: []string{emptyDisk(t)}}
	first := start(t, plain, c)
	first.Run("witness start 16")
	save := first.Begin("snapcat --raw > /dev/vda")
	if out, status := first.End(save); status != 0 {
		t.Fatalf("save: exit status %d\n%s", status, out)
	}
	first.PowerOff()

	second := start(t, plain, c)
	if out, status := second.Resume("/tmp/resume /dev/vda", save); status != 0 {
		t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	wellWitnessed(t, second)
	for range 3 {
		if out, status := second.Try("snapcat | snapresume"); status != 0 {
			t.Fatalf("exit status %d\n%s", status, out)
		}
	}
	wellWitnessed(t, second)
}
