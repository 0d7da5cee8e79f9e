// /proc/PID/pagemap: which pages are there; see proc_pid_pagemap(5) and
// Documentation/admin-guide/mm/pagemap.rst.

package proc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pages selects pages of a mapping.
type Pages int

const (
	// Present are pages that are in memory or swapped out, but for the page
	// of zeros that reading untouched memory maps. (Before Linux 6.7 that
	// can't be told from others.)
	Present Pages = iota
	// Private are those of them that belong to no file: what was written to
	// in a private mapping.
	Private
	// guarded are none of them, but guards.
	guarded
)

// Scan is what is found in a range of addresses: runs in ascending order,
// neighbours joined.
type Scan struct {
	Pages []Run // that are there
	// Swapped are those of Pages that are not in memory. Up to Linux 6.15 what
	// should be among Guards is there as well.
	Swapped []Run
	Guards  []Run // of MADV_GUARD_INSTALL, see madvise(2)
}

// Pagemap is the open pagemap of a process.
type Pagemap struct {
	f      *os.File
	scan   bool // the kernel has PAGEMAP_SCAN
	guards bool // which tells guards
}

// OpenPagemap opens it. It stays that of the same memory, also when the
// process ends.
func OpenPagemap(pid int) (*Pagemap, error) {
	f, err := Open(path(pid, "pagemap"), unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &Pagemap{f: f, scan: true, guards: true}, nil
}

// Close closes it.
func (p *Pagemap) Close() error { return p.f.Close() }

// Runs returns where in [start,end) there are pages.
func (p *Pagemap) Runs(start, end uint64, which Pages) ([]Run, error) {
	s, err := p.Scan(start, end, which)
	return s.Pages, err
}

// Guards returns where in [start,end) there are guards.
func (p *Pagemap) Guards(start, end uint64) ([]Run, error) {
	s, err := p.Scan(start, end, guarded)
	return s.Guards, err
}

// Scan looks for all there is in [start,end).
func (p *Pagemap) Scan(start, end uint64, which Pages) (Scan, error) {
	for p.scan {
		s, err := p.scanRuns(start, end, which)
		switch {
		case errors.Is(err, unix.ENOTTY):
			p.scan = false
		case errors.Is(err, unix.EINVAL) && p.guards:
			p.guards = false // a category that it does not know
		default:
			return s, err
		}
	}
	return p.readRuns(start, end, which)
}

// TellsGuards reports, after a scan, whether all guards there are were told from
// pages that are swapped out: Linux 6.13 to 6.15 has them and does not say so.
func (p *Pagemap) TellsGuards() bool {
	if !p.scan || p.guards {
		return true
	}
	// What kind of advice it is, is looked at before there is nothing to advise on.
	_, _, e := unix.Syscall(unix.SYS_MADVISE, 0, 0, unix.MADV_GUARD_REMOVE)
	return e == unix.EINVAL
}

// join appends a run, to the last one if it begins where that ends.
func join(runs []Run, r Run) []Run {
	if n := len(runs); n > 0 && runs[n-1].End == r.Start {
		runs[n-1].End = r.End
		return runs
	}
	return append(runs, r)
}

const (
	pagemapScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg), include/uapi/linux/fs.h

	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4
	pageIsPfnZero = 1 << 5
	pageIsGuard   = 1 << 8 // Linux 6.16
)

// pmScanArg is struct pm_scan_arg.
type pmScanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages uint64
	inverted, mask, anyOf, returnMask                       uint64
}

// pageRegion is struct page_region.
type pageRegion struct{ start, end, categories uint64 }

// scanRuns asks with PAGEMAP_SCAN, of Linux 6.7.
func (p *Pagemap) scanRuns(start, end uint64, which Pages) (s Scan, err error) {
	arg := pmScanArg{
		end:  end,
		mask: pageIsPfnZero, anyOf: pageIsPresent | pageIsSwapped, returnMask: pageIsSwapped,
	}
	if which == Private {
		arg.mask |= pageIsFile
	}
	if p.guards {
		arg.returnMask |= pageIsGuard
	}
	if which == guarded {
		if !p.guards {
			return p.readRuns(start, end, which)
		}
		arg.mask, arg.anyOf = 0, pageIsGuard
	}
	arg.inverted = arg.mask // none of these
	arg.start = start
	err = p.walk(&arg, func(r pageRegion) {
		s.add(Run{r.start, r.end}, r.categories&pageIsSwapped != 0, r.categories&pageIsGuard != 0)
	})
	return s, err
}

// walk makes the request as often as it takes to come to the end.
func (p *Pagemap) walk(arg *pmScanArg, found func(pageRegion)) error {
	var vec [512]pageRegion
	arg.size, arg.vecLen = uint64(unsafe.Sizeof(*arg)), uint64(len(vec))
	fd, end := p.f.Fd(), arg.end
	for ; arg.start < end; arg.start = arg.walkEnd {
		// Whatever is called may move the stack, and vec with it.
		arg.vec = uint64(uintptr(unsafe.Pointer(&vec)))
		n, _, e := unix.Syscall(unix.SYS_IOCTL, fd, pagemapScan, uintptr(unsafe.Pointer(arg)))
		if e == unix.EINTR {
			arg.walkEnd = arg.start
			continue
		}
		if e != 0 {
			return fmt.Errorf("scan pages %x-%x: %w", arg.start, end, e)
		}
		for _, r := range vec[:n] {
			found(r)
		}
		if arg.walkEnd <= arg.start {
			return fmt.Errorf("scan pages %x-%x: the kernel stays where it is", arg.start, end)
		}
	}
	return nil
}

func (s *Scan) add(r Run, swapped, guard bool) {
	if guard {
		s.Guards = join(s.Guards, r)
		return
	}
	s.Pages = join(s.Pages, r)
	if swapped {
		s.Swapped = join(s.Swapped, r)
	}
}

const (
	pagemapGuard   = 1 << 58 // Linux 6.15
	pagemapFile    = 1 << 61
	pagemapSwapped = 1 << 62
	pagemapPresent = 1 << 63
)

// readRuns reads the eight bytes that every kernel has for each page.
func (p *Pagemap) readRuns(start, end uint64, which Pages) (s Scan, err error) {
	const page = 4096
	buf := make([]byte, 64<<10)
	for start < end {
		n := min(uint64(len(buf)), (end-start)/page*8)
		got, err := p.f.ReadAt(buf[:n], int64(start/page*8))
		got &^= 7
		if got == 0 {
			return s, fmt.Errorf("read pagemap of %x-%x: %w", start, end, err)
		}
		for b := range slices.Chunk(buf[:got], 8) {
			e := binary.LittleEndian.Uint64(b)
			there := e&(pagemapPresent|pagemapSwapped) != 0 && (which == Present || which == Private && e&pagemapFile == 0)
			if there || e&pagemapGuard != 0 {
				s.add(Run{start, start + page}, e&pagemapSwapped != 0, e&pagemapGuard != 0)
			}
			start += page
		}
	}
	return s, nil
}
