// This file finds the vdso of a process (vdso(7)): code that every process has,
// and the same in all under one kernel.

package ptrace

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"

	"snappipe/kernel/process/proc"
)

// vdsoName is what proc_pid_maps(5) shows.
const vdsoName = "[vdso]"

// ErrNoVDSO is what a process lacks that is still executing a program: the kernel maps
// that after the program itself (fs/binfmt_elf.c, load_elf_binary).
var ErrNoVDSO = errors.New("it has no vdso, through which calls are made in its name")

var errNoSyscallSite = errors.New("the vdso holds no system call instruction")

// vdso returns where it is and what it is.
func vdso(maps []proc.Map, mem *Memory) (at uint64, code []byte, err error) {
	for i := range maps {
		if m := &maps[i]; m.Path == vdsoName {
			code = make([]byte, m.End-m.Start)
			return m.Start, code, mem.Read(code, m.Start)
		}
	}
	return 0, nil, ErrNoVDSO
}

// SyscallSite finds an instruction by which calls can be made in a process. It may
// lie within another one: nothing but it is executed.
func SyscallSite(maps []proc.Map, mem *Memory) (uint64, error) {
	at, code, err := vdso(maps, mem)
	if err != nil {
		return 0, err
	}
	i := bytes.Index(code, []byte{0x0f, 0x05})
	if i < 0 {
		return 0, errNoSyscallSite
	}
	return at + uint64(i), nil
}

// loadedEnd is where that ends in a vdso, which is an ELF file, of which programs and
// their libraries know: what has a program header.
func loadedEnd(code []byte) int {
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return len(code)
	}
	end := uint64(0)
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	return int(min(end, uint64(len(code))))
}

// VDSOHash is the SHA-256 of the vdso, in hex.
func VDSOHash(maps []proc.Map, mem *Memory) (string, error) {
	_, code, err := vdso(maps, mem)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(code)
	return hex.EncodeToString(sum[:]), nil
}
