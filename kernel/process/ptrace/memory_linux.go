// This file reads and writes the memory of another process, in the two ways
// that the kernel has.
//
// /proc/PID/mem (fs/proc/base.c: mem_rw) disregards page protections, as a
// debugger must, but copies each page twice and faults in one at a time.
// process_vm_writev(2) copies straight between the two address spaces and
// keeps to the protections. Neither needs the process to be stopped; both
// need the permission to trace it.

package ptrace

import (
	"fmt"
	"os"
	"unsafe"

	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

// Memory is the address space that a process had when it was opened. It may
// be used from any goroutine, and by several at once.
type Memory struct {
	file *os.File
	pid  int
}

// OpenMemory opens the address space of a process.
func OpenMemory(pid int) (*Memory, error) {
	f, err := proc.Open(fmt.Sprintf("/proc/%d/mem", pid), unix.O_RDWR)
	if err != nil {
		return nil, err
	}
	return &Memory{f, pid}, nil
}

// Close gives it up. The address space itself lives on only in the process.
func (m *Memory) Close() error { return m.file.Close() }

// Read fills p from addr, through any protection.
func (m *Memory) Read(p []byte, addr uint64) error {
	for len(p) > 0 {
		// Addresses above the sign bit (the vsyscall page) cannot be
		// asked for, since ReadAt takes an offset for negative.
		n, err := m.file.ReadAt(p, int64(addr))
		if n == 0 && err != nil {
			return fmt.Errorf("reading memory at %#x of process %d: %w", addr, m.pid, err)
		}
		p, addr = p[n:], addr+uint64(n)
	}
	return nil
}

// Write stores p at addr, through any protection of a private mapping. It
// cannot write to a shared mapping that is not writable.
func (m *Memory) Write(p []byte, addr uint64) error {
	if _, err := m.file.WriteAt(p, int64(addr)); err != nil {
		return fmt.Errorf("writing memory at %#x of process %d: %w", addr, m.pid, err)
	}
	return nil
}

// Copy stores p at addr, where the process itself could write: the fast way.
func (m *Memory) Copy(p []byte, addr uint64) error {
	for len(p) > 0 {
		local := unix.Iovec{Base: unsafe.SliceData(p)}
		local.SetLen(len(p))
		// A vector of one is written in part only up to the first page that
		// cannot be (process_vm_writev(2)), and the next call then fails.
		n, err := unix.ProcessVMWritev(m.pid, []unix.Iovec{local},
			[]unix.RemoteIovec{{Base: uintptr(addr), Len: len(p)}}, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("copying %d bytes to memory at %#x of process %d: %w", len(p), addr, m.pid, err)
		}
		p, addr = p[n:], addr+uint64(n)
	}
	return nil
}

// CString reads the bytes at addr up to a NUL, at most limit of them.
func (m *Memory) CString(addr uint64, limit int) (string, error) {
	b := make([]byte, limit)
	n, err := m.file.ReadAt(b, int64(addr))
	for i, c := range b[:n] {
		if c == 0 {
			return string(b[:i]), nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading a string at %#x of process %d: %w", addr, m.pid, err)
	}
	return "", fmt.Errorf("reading a string at %#x of process %d: longer than %d bytes", addr, m.pid, limit)
}
