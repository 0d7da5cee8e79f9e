// Package vm boots virtual machines to try the tools on: a stock Debian
// kernel under QEMU, with an initramfs of BusyBox and the four tools, driven
// through its serial console.
//
//	m := vm.Start(t, vm.Config{Memory: 512, CPUs: 2, Disks: []string{disk}})
//	m.Run("echo hello > /run/file")
//	m.PowerOff()
//
// Nothing is installed: the kernel's package is fetched and unpacked below
// the user's cache directory. KVM is used where a guest boots with it, else
// QEMU's own emulation.
//
// The tests take minutes. They are skipped with -short, and where there is no
// QEMU or Debian's kernel cannot be fetched. With SNAPPIPE_VM=1, some do more.
package vm
