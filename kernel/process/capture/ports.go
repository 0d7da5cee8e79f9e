// I/O ports, which a privileged program may use directly.

package capture

import "golang.org/x/sys/unix"

// checkPorts refuses a process that may use I/O ports: by ioperm(2), which shows,
// or by iopl(2), which does not. But who has no right to raise it may set it to
// what it is (arch/x86/kernel/ioport.c: iopl), and the twin can give up its rights.
func (c *member) checkPorts() error {
	const ports, most = 0x201, 65536 / 8 // NT_386_IOPERM, include/uapi/linux/elf.h
	if b, err := c.twin.thread.RegisterSet(ports, most); err == nil && len(b) > 0 {
		return c.refuse("", "it may use I/O ports, by ioperm(2)")
	}
	const version3 = 0x20080522 // _LINUX_CAPABILITY_VERSION_3
	nothing := make([]byte, 8+24)
	le.PutUint32(nothing, version3)
	if err := c.twin.Memory.Copy(nothing, c.twin.batch.At); err != nil {
		return err
	}
	if _, err := c.twin.call.Call(unix.SYS_CAPSET, c.twin.batch.At, c.twin.batch.At+8); err != nil {
		return err
	}
	for level := uint64(1); level <= 3; level++ {
		if _, err := c.twin.call.Call(unix.SYS_IOPL, level); err == nil {
			return c.refuse("", "it may use I/O ports, by iopl(2)")
		}
	}
	return nil
}
