// This file fills memory of a stub that is new and empty. Put there by userfaultfd(2), a
// page costs half of what it does when it is written to from outside, for which the kernel
// has to find it missing and make it zeros first. Such pages are small ones: what is to be
// in huge pages is written to.

package restore

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// worthFilling is from which size on it pays to ask for it.
const worthFilling = 128 << 10

// filler puts pages into mappings of a process. Nothing of that shows any more when it has
// been closed.
type filler struct {
	fd  int // a userfaultfd
	mem *ptrace.Memory
}

// openFillers makes one for each process, unless most of the memory comes later.
func (t *tree) openFillers() error {
	if t.server != nil {
		return nil
	}
	return t.eachSpace((*process).openFiller)()
}

// openFiller prepares for it all mappings that it is good for. It is left at writing where
// the kernel has no userfaultfd(2), or does not give it to this user.
func (p *process) openFiller() error {
	huge := hugePagesMode()
	for i := range p.mapped {
		m := &p.mapped[i]
		if !m.isNew() || m.ImageSize < worthFilling || m.mayBeHuge(huge) {
			continue
		}
		if p.filler == nil {
			if p.filler = p.newFiller(); p.filler == nil {
				return nil
			}
		}
		// All of it, also where nothing comes: else it would stay two mappings for ever.
		m.byFiller = sys.CatchFaults(p.filler.fd, uint64(m.Start), uint64(m.End-m.Start)) == nil
	}
	return nil
}

// newFiller returns nil where there is none. The process keeps nothing of it.
func (p *process) newFiller() *filler {
	n, err := p.Call("userfaultfd", unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|sys.FaultsOfUser)
	if err != nil {
		return nil
	}
	fd, err := object.TakeOver(p, int(n))
	if err != nil {
		return nil
	}
	f := &filler{fd, p.stub.mem}
	if sys.EnableFilling(fd) != nil {
		f.close()
		return nil
	}
	return f
}

// close ends it: what has not been filled is zeros from now on.
func (f *filler) close() { unix.Close(f.fd) }

// closeFillers is called before anything but the bytes of the image comes to the memory.
func (t *tree) closeFillers() {
	for _, p := range t.alive() {
		if p.filler != nil {
			p.filler.close()
			p.filler = nil
		}
	}
}

// isNew reports whether all that a mapping has comes from the image.
func (m *mapping) isNew() bool {
	return m.source == nil && !m.Shared && len(m.filled) > 0 && !m.later && !has(m.VMA, "dp")
}

// hugePagesMode is when the kernel uses huge pages: "always", "madvise" or "never"; if
// that is not known, "".
func hugePagesMode() string {
	b, _ := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	_, mode, _ := strings.Cut(string(b), "[")
	mode, _, _ = strings.Cut(mode, "]")
	return mode
}

// mayBeHuge reports whether a mapping may get huge pages.
func (m *mapping) mayBeHuge(mode string) bool {
	whole := (m.Start + world.HugePage - 1) &^ (world.HugePage - 1)
	switch {
	case mode == "never", has(m.VMA, "nh"), whole+world.HugePage > m.End:
		return false
	case mode == "madvise":
		return has(m.VMA, "hg")
	}
	return true
}

// store stores b at addr. What is no whole page is written, into one of zeros.
func (f *filler) store(b []byte, addr uint64) error {
	for len(b) > 0 {
		n := len(b) &^ (world.Page - 1)
		if addr%world.Page == 0 && n > 0 {
			if put, err := sys.PutPages(f.fd, addr, b[:n]); err == nil || put > 0 {
				b, addr = b[put:], addr+uint64(put)
				continue
			}
		}
		n = min(len(b), world.Page-int(addr%world.Page))
		// It may be there already, by another part of it.
		_ = sys.PutZeros(f.fd, addr&^(world.Page-1), world.Page)
		if err := f.mem.Copy(b[:n], addr); err != nil {
			return err
		}
		b, addr = b[n:], addr+uint64(n)
	}
	return nil
}

// writer writes to memory of a process, whatever that is.
type writer struct {
	mem *ptrace.Memory
	// first is held for the first write to a huge page. Several at once would each
	// make one, of zeros, and only one of them is used (mm/huge_memory.c:
	// __do_huge_pmd_anonymous_page).
	first [64]sync.Mutex
}

func (w *writer) store(b []byte, addr uint64) error {
	for len(b) > 0 {
		n := min(len(b), world.HugePage-int(addr%world.HugePage))
		begin := min(n, world.Page)
		first := &w.first[addr/world.HugePage%uint64(len(w.first))]
		first.Lock()
		err := w.mem.Copy(b[:begin], addr)
		first.Unlock()
		if err == nil {
			err = w.mem.Copy(b[begin:n], addr+uint64(begin))
		}
		if err != nil {
			return err
		}
		b, addr = b[n:], addr+uint64(n)
	}
	return nil
}
