package linux

import (
	"regexp"
	"testing"

	"snappipe/tests/vm"
)

// splat is how a kernel begins to complain.
var splat = regexp.MustCompile(`BUG|WARNING|Oops|possible .* detected|suspicious|KASAN|inconsistent lock state|Call Trace`)

// With all that finds mistakes switched on, no mistake is found. The pages
// that are free are poisoned and out of the direct map, in the system that is
// restored as well.
func TestDebugKernel(t *testing.T) {
	vm.Require(t)
	m := start(t, debug, vm.Config{Memory: 1024, CPUs: 2, Append: "debug_pagealloc=on page_poison=1"})
	selftest(t, m)
	for range 3 {
		m.Run("/tmp/linus")
	}
	if said := m.Run("dmesg"); splat.MatchString(said) {
		t.Errorf("the kernel complains:\n%s", said)
	}
}
