package linux

import (
	"regexp"
	"testing"

	"snappipe/tests/vm"
)

// splat is how a kernel begins to complain.
var splat = regexp.MustCompile(`BUG|WARNING|Oops|possible .* detected|suspicious|KASAN: [a-z]|inconsistent lock state|Call Trace`)

// With all that finds mistakes switched on, no mistake is found: not with
// locks, sleeping and memory that was freed, nor where free pages are poisoned
// and out of the direct map, in the system that is restored as well.
func TestDebugKernel(t *testing.T) {
	vm.Require(t)
	for _, options := range []string{"", "debug_pagealloc=on page_poison=1"} {
		t.Run(options, func(t *testing.T) {
			m := start(t, debug, vm.Config{Memory: 512, CPUs: 2, Append: options})
			selftest(t, m)
			for range 3 {
				m.Run("/tmp/linus")
			}
			m.Run("/tmp/leak 4")
			if said := m.Run("dmesg"); splat.MatchString(said) {
				t.Errorf("the kernel complains:\n%s", said)
			}
		})
	}
}

// The generic table of system calls, with the objects that use it.
func TestArm64Compiles(t *testing.T) {
	vm.Require(t)
	arm64.build(t)
}
