// Images that nearly fill the memory.

package linux

import (
	"fmt"
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// An image that takes more than a third of the memory can be resumed in the
// same boot: it is restored from where it is, and not loaded.
func TestTwiceTheImage(t *testing.T) {
	vm.Require(t)
	t.Parallel()
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

// What an image takes up is its size, give or take 1 %. A CPU does not keep much of
// what is freed to itself, where that is forbidden: it would be an eighth of the
// memory since 6.7.
func TestHeld(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	m := start(t, plain, vm.Config{Memory: 512})
	m.Run("dd if=/dev/urandom of=/run/ballast bs=1M count=100")
	m.Run("echo 100000 > /proc/sys/vm/percpu_pagelist_high_fraction")
	var size, held int
	out := m.Run("/tmp/held")
	if _, err := fmt.Sscan(out, &size, &held); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	t.Logf("an image of %d bytes takes %d, %.2f %% more", size, held, 100*float64(held-size)/float64(size))
	if size < 100<<20 || held < size-size/100 || held > size+size/100 {
		t.Errorf("an image of %d bytes takes %d", size, held)
	}
}

// snapcat copies nothing between the image and the pipe: it has next to no
// memory of its own, and write(2) moves but the frames' headers.
func TestNothingIsCopied(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	m := start(t, plain, vm.Config{Memory: 512, CPUs: 2})
	m.Run("dd if=/dev/urandom of=/run/ballast bs=1M count=100")
	m.Run("mkfifo /run/pipe /run/go")
	// The reader leaves the end in the pipe until it has been looked at.
	m.Run("{ head -c 100M; cat /run/go; wc -c; } < /run/pipe > /dev/null & snapcat > /run/pipe & echo $! > /run/pid")
	m.Run("until pidof cat > /dev/null; do sleep 1; done")
	out := m.Run("awk '/^(RssAnon|wchar)/ { print $2 }' /proc/$(cat /run/pid)/status /proc/$(cat /run/pid)/io")
	m.Run("echo > /run/go; wait")
	var anonymous, written int
	if _, err := fmt.Sscan(out, &anonymous, &written); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	t.Logf("with 100 MiB in the pipe: %d kB of its own, %d bytes written", anonymous, written)
	if anonymous > 32<<10 || written > 1<<20 {
		t.Error("that is more than headers")
	}
}
