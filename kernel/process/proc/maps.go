// /proc/PID/maps and /proc/PID/smaps: what is mapped where; see
// proc_pid_maps(5) and proc_pid_smaps(5).

package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Map is one mapping.
type Map struct {
	Start, End uint64
	Prot       int // PROT_READ, PROT_WRITE, PROT_EXEC
	Shared     bool
	Offset     uint64
	Dev        uint64 // as stat(2) encodes it
	Ino        uint64 // 0 if no file is mapped
	Path       string // of the file, or a name in brackets, or ""
	Deleted    bool
	Name       string // in brackets, of shared memory that was given one

	// The rest is there from Smaps only.
	VMFlags string // two letters each, with spaces between
	Rss     uint64 // resident, in bytes
	Huge    uint64 // of that in huge pages, if it is not of a file or shared
	Swap    uint64 // swapped out, in bytes
	Key     int    // of pkeys(7), 0 if this CPU has none
}

// Has reports whether flag is among VMFlags.
func (m *Map) Has(flag string) bool {
	for f := m.VMFlags; len(f) >= 2; f = f[min(3, len(f)):] {
		if f[:2] == flag {
			return true
		}
	}
	return false
}

// File reports whether an inode is mapped, with or without a name.
func (m *Map) File() bool { return m.Ino != 0 || m.Segment() }

// Segment reports whether it is of System V shared memory. The number of its inode
// is the ID of the segment then, of which the first is 0 (ipc/shm.c: newseg).
func (m *Map) Segment() bool {
	return m.Shared && m.Deleted && strings.HasPrefix(m.Path, "/SYSV") && len(m.Path) == len("/SYSV00000000")
}

// Kernel reports whether the kernel put the mapping there and keeps what is in
// it: [vdso], [vvar], [vvar_vclock], [vsyscall], [uprobes].
func (m *Map) Kernel() bool {
	return strings.HasPrefix(m.Path, "[v") || m.Path == "[uprobes]"
}

// Maps returns the mappings of a process, ascending.
func Maps(pid int) ([]Map, error) {
	b, err := read(pid, "maps")
	if err != nil {
		return nil, err
	}
	maps := make([]Map, 0, bytes.Count(b, []byte("\n")))
	for line := range strings.Lines(string(b)) {
		m, err := parseMap(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path(pid, "maps"), err)
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// Smaps returns the mappings with their flags and sizes. It makes the kernel
// look at every page (some 15 ms for each GiB of small ones), so it is not for
// a process that is stopped.
func Smaps(pid int) ([]Map, error) {
	b, err := read(pid, "smaps")
	if err != nil {
		return nil, err
	}
	var maps []Map
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		// Fields begin with a capital, addresses with a digit or a to f.
		if line != "" && (line[0] < 'A' || line[0] > 'Z') {
			m, err := parseMap(line)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path(pid, "smaps"), err)
			}
			maps = append(maps, m)
			continue
		}
		if len(maps) > 0 {
			maps[len(maps)-1].field(line)
		}
	}
	return maps, nil
}

func (m *Map) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	switch name {
	case "VmFlags":
		m.VMFlags = strings.TrimSpace(value)
		if m.Has("lo") { // VM_LOCKONFAULT, for which older kernels, 6.1 among them, have no letters
			m.VMFlags = strings.Replace(m.VMFlags, "??", "lf", 1)
		}
	case "Rss":
		m.Rss = kilobytes(value)
	case "AnonHugePages":
		m.Huge = kilobytes(value)
	case "Swap":
		m.Swap = kilobytes(value)
	case "ProtectionKey":
		m.Key, _ = strconv.Atoi(strings.TrimSpace(value))
	}
}

// kilobytes returns the bytes that "   123 kB" is.
func kilobytes(s string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(s), " kB"), 10, 64)
	return n << 10
}

// parseMap parses "start-end perms offset major:minor inode   path". A program that is
// stopped may wait for tens of thousands of them.
func parseMap(line string) (m Map, err error) {
	rest := line
	good := true
	next := func(sep byte, base uint64) (n uint64) {
		n, behind := leadingNumber(rest, base)
		if len(behind) == len(rest) || behind == "" || behind[0] != sep {
			good = false
			return 0
		}
		rest = behind[1:]
		return n
	}
	m.Start = next('-', 16)
	m.End = next(' ', 16)
	perms, rest2, _ := strings.Cut(rest, " ")
	rest = rest2
	m.Offset = next(' ', 16)
	major := next(':', 16)
	minor := next(' ', 16)
	m.Ino = next(' ', 10)
	m.Dev = unix.Mkdev(uint32(major), uint32(minor))
	if !good || len(perms) != 4 {
		return m, fmt.Errorf("the line %q is not a mapping", line)
	}
	for i, bit := range [...]int{unix.PROT_READ, unix.PROT_WRITE, unix.PROT_EXEC} {
		if perms[i] != '-' {
			m.Prot |= bit
		}
	}
	m.Shared = perms[3] == 's'
	if rest == "" {
		return m, nil
	}
	m.Path, m.Deleted = strings.CutSuffix(strings.TrimLeft(rest, " "), " (deleted)")
	m.Path = strings.ReplaceAll(m.Path, `\012`, "\n") // all that the kernel escapes here
	if strings.HasPrefix(m.Path, "[anon_shmem:") {
		m.Name = m.Path
		m.Path, m.Deleted = "/dev/zero", true // as it is shown if it has no name
	}
	return m, nil
}

// leadingNumber returns the number that s begins with, in small letters, and the rest.
func leadingNumber(s string, base uint64) (n uint64, rest string) {
	for i := range len(s) {
		digit := uint64(s[i] - '0')
		if digit > 9 {
			digit = uint64(s[i]-'a') + 10
		}
		if digit >= base {
			return n, s[i:]
		}
		n = n*base + digit
	}
	return n, ""
}
