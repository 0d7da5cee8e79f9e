// The two system calls by themselves.

package linux

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// The test of 2007, which "should obviously work": tests/linus.c, and TestLinus
// of package machine.
func TestLinus(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	for cpus := 1; cpus <= 2; cpus++ {
		t.Run(fmt.Sprintf("%d CPUs", cpus), func(t *testing.T) {
			m := start(t, plain, vm.Config{Memory: 256, CPUs: cpus})
			for range 20 {
				m.Run("/tmp/linus")
			}
			for range 3 {
				inGo(t, m, "TestLinus")
			}
		})
	}
}

// inGo runs a test of package machine.
func inGo(t *testing.T, m *vm.Machine, name string) {
	t.Helper()
	out := m.Run("SNAPPIPE_GUEST=1 machine.test -test.v -test.run " + name + "$")
	if !strings.Contains(out, "--- PASS: "+name) {
		t.Errorf("%s did not pass:\n%s", name, out)
	}
}

// What package machine promises of its interface, it keeps with the calls.
func TestInterface(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	m := start(t, plain, vm.Config{Memory: 512, CPUs: 2})
	for _, name := range []string{"TestSnapshotThenResume", "TestChildDiesTakingImage", "TestChildDiesRestoring", "TestCommitOfHalfAnImage"} {
		inGo(t, m, name)
	}
}

// The kernel's own test of the calls: errors, the mapping, two images,
// /dev/snapshot before and after.
func TestSelftest(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	selftest(t, start(t, plain, vm.Config{Memory: 512, CPUs: 2}))
}

// The series has variants for the release before.
func TestOlderRelease(t *testing.T) {
	vm.RequireTime(t)
	t.Parallel()
	m := start(t, older, vm.Config{Memory: 512, CPUs: 2})
	selftest(t, m)
	for range 3 {
		m.Run("/tmp/linus")
	}
}

func selftest(t *testing.T, m *vm.Machine) (out string) {
	t.Helper()
	out = m.Run("/tmp/snapshot_system_test")
	t.Log(out)
	if !strings.Contains(out, "skip:0") {
		t.Error("not all of it was run")
	}
	return out
}

// Fifty images, given up in several ways, leave nothing behind.
func TestLeak(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	m := start(t, plain, vm.Config{Memory: 256})
	// What the kernel has in caches comes and goes, and could be free.
	free := func() int {
		kB, err := strconv.Atoi(strings.TrimSpace(m.Run("echo 3 >/proc/sys/vm/drop_caches; " +
			"awk '/^(MemFree|Buffers|Cached|SReclaimable):/ { n += $2 } END { print n }' /proc/meminfo")))
		if err != nil {
			t.Fatal(err)
		}
		return kB
	}
	// It is by some MB another each time, while what is lost with each image is gone for
	// good: so it is the median of how much is lost between any two looks that counts
	// (the estimator of Theil and Sen). An image has some 30 MB, and the list of its
	// pages 60 kB.
	const images = 10
	looks, lost := []int{free()}, []int(nil)
	for n := range 11 {
		m.Run(fmt.Sprint("/tmp/leak ", images))
		now := free()
		for i, before := range looks {
			lost = append(lost, (before-now)/(n+1-i))
		}
		looks = append(looks, now)
	}
	slices.Sort(lost)
	if median := lost[len(lost)/2]; median > 40*images {
		t.Errorf("mostly %d kB less are free after %d images: %d", median, images, looks)
	} else {
		t.Logf("%d kB less after %d images: %d", median, images, looks)
	}
}

// From the image's pages right to the disk; power off; from the disk's page
// cache right into the kernel. The page cache gives way to the image.
func TestPowerOff(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	c := vm.Config{Memory: 512, Disks: []string{emptyDisk(t, 512)}}
	first := start(t, plain, c)
	first.Run("witness start 36")
	first.Run("echo before > /run/what")
	snap := first.Begin("/tmp/snap /dev/vda")
	if out, status := first.End(snap); status != 0 {
		t.Fatalf("snap: exit status %d\n%s", status, out)
	}
	first.Run("echo after > /run/what")
	first.PowerOff()

	second := start(t, plain, c)
	second.Run("cat /dev/vda > /dev/null")
	if out, status := second.Resume("/tmp/resume /dev/vda", snap); status != 3 {
		t.Fatalf("snap in the resumed machine: exit status %d\n%s", status, out)
	}
	if got := second.Run("cat /run/what"); got != "before\n" {
		t.Errorf("the resumed machine knows of what came %q the snapshot", got)
	}
	wellWitnessed(t, second)
}

// wellWitnessed fails unless the processes of the witness go on, with what
// they have in memory intact. In an emulated machine, looking at all of it
// takes them a while.
func wellWitnessed(t *testing.T, m *vm.Machine) {
	t.Helper()
	before := m.Run("witness show")
	var after, still string
	for range 30 {
		m.Run("sleep 2")
		after, still = m.Run("witness show"), ""
		for line := range strings.Lines(before) {
			if strings.Contains(after, line) {
				still += line
			}
		}
		if still == "" {
			break
		}
	}
	if still != "" {
		t.Errorf("witnesses that do not go on:\n%s", still)
	}
	if strings.Count(after, " ok\n") != 4 {
		t.Errorf("the witnesses are not well:\n%s", after)
	}
}
