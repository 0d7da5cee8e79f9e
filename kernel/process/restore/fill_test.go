// Memory that is filled part by part.

package restore

import (
	"bytes"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// What is stored is there, whatever the parts are that it comes in, by whichever way, and
// however many come at once: to this process, here.
func TestFill(t *testing.T) {
	const size = 6 << 20
	mem, err := ptrace.OpenMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(data)
	for _, c := range []struct {
		name   string
		advice int
		by     func(t *testing.T, b []byte) (m memory, done func())
	}{
		{"written", unix.MADV_NOHUGEPAGE, func(*testing.T, []byte) (memory, func()) { return &writer{mem: mem}, func() {} }},
		{"written, huge pages", unix.MADV_HUGEPAGE, func(*testing.T, []byte) (memory, func()) { return &writer{mem: mem}, func() {} }},
		{"filled", unix.MADV_NOHUGEPAGE, func(t *testing.T, b []byte) (memory, func()) {
			fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|sys.FaultsOfUser, 0, 0)
			if e == unix.ENOSYS || e == unix.EINVAL {
				t.Skip("this kernel has no userfaultfd(2) for everybody")
			}
			if e != 0 {
				t.Fatal(e)
			}
			f := &filler{int(fd), mem}
			if err := sys.EnableFilling(f.fd); err != nil {
				t.Fatal(err)
			}
			if err := sys.CatchFaults(f.fd, addressOf(b), size); err != nil {
				t.Fatal(err)
			}
			return f, f.close
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Munmap(b)
			if err := unix.Madvise(b, c.advice); err != nil && c.advice == unix.MADV_NOHUGEPAGE {
				t.Logf("MADV_NOHUGEPAGE: %v", err)
			}
			m, done := c.by(t, b)
			storeAll(t, m, data, addressOf(b))
			done()
			if !bytes.Equal(b, data) {
				t.Error("what is there is something else")
			}
		})
	}
}

func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// storeAll stores data in parts, of which some end within a page, from four goroutines.
func storeAll(t *testing.T, m memory, data []byte, addr uint64) {
	parts := make(chan [2]int, len(data))
	for at := 0; at < len(data); {
		n := min(1+rand.IntN(64)*world.Page, len(data)-at)
		if rand.IntN(3) > 0 {
			n = min(world.Page*(1+n/world.Page), len(data)-at)
		}
		parts <- [2]int{at, at + n}
		at += n
	}
	close(parts)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for p := range parts {
				if err := m.store(data[p[0]:p[1]], addr+uint64(p[0])); err != nil {
					t.Errorf("%#x to %#x: %v", p[0], p[1], err)
				}
			}
		})
	}
	all.Wait()
}

// Memory is put there by the filler only where it would not be in huge pages otherwise.
func TestMayBeHuge(t *testing.T) {
	for _, c := range []struct {
		mode       string
		start, end world.Hex
		flags      string
		may        bool
	}{
		{"never", 0x200000, 0x800000, "rd wr hg", false},
		{"madvise", 0x200000, 0x800000, "rd wr", false},
		{"madvise", 0x200000, 0x800000, "rd wr hg", true},
		{"always", 0x200000, 0x800000, "rd wr", true},
		{"always", 0x200000, 0x800000, "rd wr nh", false},
		{"always", 0x201000, 0x5ff000, "rd wr", false},
		{"always", 0x201000, 0x600000, "rd wr", true},
		{"", 0x200000, 0x800000, "rd wr", true},
	} {
		v := world.VMA{VMFlags: c.flags}
		v.Start, v.End = c.start, c.end
		if m := (&mapping{VMA: &v}); m.mayBeHuge(c.mode) != c.may {
			t.Errorf("%q, %#x to %#x with %q: it should be %v", c.mode, uint64(c.start), uint64(c.end), c.flags, c.may)
		}
	}
}
