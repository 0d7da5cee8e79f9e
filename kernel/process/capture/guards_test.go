// Guard pages, as each kernel shows them.

package capture

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// Where the kernel calls guards swapped out, they are known by that nobody can
// read them; and where it tells them, such a page is refused.
func TestTellGuards(t *testing.T) {
	const page, pages = 4096, 16
	m, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	clear(m)
	if err := unix.Madvise(m[3*page:5*page], unix.MADV_GUARD_INSTALL); err != nil {
		t.Skipf("this kernel has no guard pages: %v", err)
	}
	mem, err := ptrace.OpenMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	at := func(i int) uint64 { return uint64(uintptr(unsafe.Pointer(&m[0]))) + uint64(i)*page }
	run := func(from, to int) proc.Run { return proc.Run{Start: at(from), End: at(to)} }
	scan := func() proc.Scan {
		return proc.Scan{Pages: []proc.Run{run(0, 9), run(11, 16)}, Swapped: []proc.Run{run(2, 6)}}
	}
	c := &member{tree: new(tree), pid: os.Getpid()}

	s := scan()
	if err := c.tellGuards(&s, 0, false, mem); err != nil {
		t.Fatal(err)
	}
	if want := []proc.Run{run(3, 4), run(4, 5)}; !slices.Equal(s.Guards, want) {
		t.Errorf("the guards are %x, not %x", s.Guards, want)
	}
	if want := []proc.Run{run(0, 3), run(5, 9), run(11, 16)}; !slices.Equal(s.Pages, want) {
		t.Errorf("the pages are %x, not %x", s.Pages, want)
	}
	s = scan()
	if err, ok := c.tellGuards(&s, 0, true, mem).(*kernel.Refusal); !ok {
		t.Errorf("a page that can't be read is not refused: %v", err)
	}
	s = scan()
	if err := c.tellGuards(&s, 4*page, true, mem); err != nil || len(s.Guards) > 0 {
		t.Errorf("what is swapped out is not believed to be: %v, %x", err, s.Guards)
	}
	runtime.KeepAlive(m)
}
