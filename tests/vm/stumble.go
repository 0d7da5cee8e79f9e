// A mistake of the emulator, which is not to be taken for one of ours.

package vm

import (
	"regexp"
	"testing"
	"time"
)

// A kernel patches its own code by a breakpoint that it writes first and takes away
// last (arch/x86/kernel/alternative.c). QEMU's emulation with a thread for each CPU now
// and then has one of them run into it when the other is done, and the kernel
// dies of a breakpoint that it knows nothing of. That is most likely when it boots.
var stumbled = regexp.MustCompile(`int3: 0000 \[#\d+\]`)

// upOrStumbled is whichever is said first.
var upOrStumbled = regexp.MustCompile(ready.String() + "|" + stumbled.String())

// startEmulated boots a machine, and once more if it has stumbled before anything of
// ours ran. Of no other mistake, nor of a second one, there is an excuse.
func startEmulated(t testing.TB, boot func() *Machine) *Machine {
	t.Helper()
	m := boot()
	again, err := m.console.stumbles(m.patience)
	if err != nil {
		t.Fatal(err)
	}
	if !again {
		return m
	}
	t.Logf("the guest's kernel ran into its own breakpoint before its first process did: booted once more. It said:\n%s", m.console.tail())
	m.Kill()
	m = boot()
	m.booted(t)
	return m
}

// stumbles waits until a machine obeys, or has stumbled on the way there.
func (c *console) stumbles(patience time.Duration) (bool, error) {
	_, match, err := c.expect(upOrStumbled, patience)
	return err == nil && stumbled.MatchString(match[0]), err
}
