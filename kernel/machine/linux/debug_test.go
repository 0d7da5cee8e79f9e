// The kernel that looks for mistakes of its own.

package linux

import (
	"regexp"
	"testing"
	"time"

	"snappipe/tests/vm"
)

// splat is how a kernel begins to complain.
var splat = regexp.MustCompile(`\bBUG:|WARNING:|Oops|possible .* detected|suspicious|KASAN: [a-z]|inconsistent lock state|Call Trace`)

// With all that finds mistakes with locks, sleeping and freed memory switched
// on, no mistake is found. Two images at once have to fit beside what KASAN takes,
// and each takes minutes where that is emulated.
func TestDebugKernel(t *testing.T) {
	vm.RequireTime(t)
	t.Parallel()
	scrutinize(t, start(t, debug, vm.Config{Memory: 1536, CPUs: 2, Patience: time.Hour}))
}

// Nor is one where free pages are poisoned and out of the direct map, in the
// system that is restored as well. The debug kernel could have that too, but
// with KASAN, an emulated machine takes longer for it than a test may.
func TestPoisonedPages(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	scrutinize(t, start(t, plain, vm.Config{Memory: 512, CPUs: 2, Append: "debug_pagealloc=on page_poison=1"}))
}

// scrutinize uses the calls in all ways, and looks for complaints. A system
// that is resumed forgets what was logged after the image was made, so it is
// the console that counts.
func scrutinize(t *testing.T, m *vm.Machine) {
	t.Helper()
	m.Run("echo 8 > /proc/sys/kernel/printk")
	said := m.Run("dmesg") + selftest(t, m)
	for range 3 {
		said += m.Run("/tmp/linus")
	}
	said += m.Run("/tmp/leak 4")
	if splat.MatchString(said) {
		t.Errorf("the kernel complains:\n%s", said)
	}
}

// The generic table of system calls, with the objects that use it.
func TestArm64Compiles(t *testing.T) {
	vm.RequireTime(t)
	t.Parallel()
	arm64.build(t)
}
