// Whether there is hardware help.

package vm

import (
	"os"
	"sync"
	"testing"
	"time"
)

var accelerated struct {
	sync.Once
	by string
}

const emulation = "tcg,thread=multi"

// accelerator is KVM if a guest comes up with it. /dev/kvm being there says
// little: inside another virtual machine it may not run anything.
func accelerator(t testing.TB) string {
	accelerated.Do(func() {
		accelerated.by = emulation
		f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
		if err != nil {
			return
		}
		f.Close()
		k := Debian(t)
		m := boot(t, Config{Memory: 512, Kernel: k, Initrd: initramfs(t, k, "")}, "kvm")
		if _, _, err := m.console.expect(ready, 20*time.Second); err == nil {
			accelerated.by = "kvm"
		}
		m.Kill()
	})
	return accelerated.by
}
