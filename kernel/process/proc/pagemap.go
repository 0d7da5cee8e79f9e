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

// Run is a range of addresses of pages that are there.
type Run struct{ Start, End uint64 }

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
)

// Pagemap is the open pagemap of a process.
type Pagemap struct {
	f    *os.File
	scan bool // the kernel has PAGEMAP_SCAN
}

// OpenPagemap opens it. It stays that of the same memory, also when the
// process ends.
func OpenPagemap(pid int) (*Pagemap, error) {
	f, err := os.Open(path(pid, "pagemap"))
	if err != nil {
		return nil, err
	}
	return &Pagemap{f: f, scan: true}, nil
}

// Close closes it.
func (p *Pagemap) Close() error { return p.f.Close() }

// Runs appends to runs where in [start,end) there are pages, in ascending
// order, neighbours joined.
func (p *Pagemap) Runs(runs []Run, start, end uint64, which Pages) ([]Run, error) {
	if p.scan {
		all, err := p.scanRuns(runs, start, end, which)
		if !errors.Is(err, unix.ENOTTY) {
			return all, err
		}
		p.scan = false
	}
	return p.readRuns(runs, start, end, which)
}

// join appends a run, to the last one if it begins where that ends. Runs up to
// the index from are of other mappings and stay as they are.
func join(runs []Run, from int, r Run) []Run {
	if n := len(runs); n > from && runs[n-1].End == r.Start {
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
)

// pmScanArg is struct pm_scan_arg.
type pmScanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages uint64
	inverted, mask, anyOf, returnMask                       uint64
}

// pageRegion is struct page_region, whose categories are not asked for.
type pageRegion struct{ start, end, _ uint64 }

// scanRuns asks with PAGEMAP_SCAN, of Linux 6.7.
func (p *Pagemap) scanRuns(runs []Run, start, end uint64, which Pages) ([]Run, error) {
	from := len(runs)
	unwanted := uint64(pageIsPfnZero)
	if which == Private {
		unwanted |= pageIsFile
	}
	var vec [512]pageRegion
	for start < end {
		arg := pmScanArg{
			size: uint64(unsafe.Sizeof(pmScanArg{})), start: start, end: end,
			vec: uint64(uintptr(unsafe.Pointer(&vec))), vecLen: uint64(len(vec)),
			inverted: unwanted, mask: unwanted, anyOf: pageIsPresent | pageIsSwapped,
		}
		n, _, e := unix.Syscall(unix.SYS_IOCTL, p.f.Fd(), pagemapScan, uintptr(unsafe.Pointer(&arg)))
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return runs, fmt.Errorf("scan pages %x-%x: %w", start, end, e)
		}
		for _, r := range vec[:n] {
			runs = join(runs, from, Run{r.start, r.end})
		}
		if arg.walkEnd <= start {
			return runs, fmt.Errorf("scan pages %x-%x: the kernel stays where it is", start, end)
		}
		start = arg.walkEnd
	}
	return runs, nil
}

const (
	pagemapFile    = 1 << 61
	pagemapSwapped = 1 << 62
	pagemapPresent = 1 << 63
)

// readRuns reads the eight bytes that every kernel has for each page.
func (p *Pagemap) readRuns(runs []Run, start, end uint64, which Pages) ([]Run, error) {
	const page = 4096
	from := len(runs)
	buf := make([]byte, 64<<10)
	for start < end {
		n := min(uint64(len(buf)), (end-start)/page*8)
		got, err := p.f.ReadAt(buf[:n], int64(start/page*8))
		got &^= 7
		if got == 0 {
			return runs, fmt.Errorf("read pagemap of %x-%x: %w", start, end, err)
		}
		for b := range slices.Chunk(buf[:got], 8) {
			e := binary.LittleEndian.Uint64(b)
			if e&(pagemapPresent|pagemapSwapped) != 0 && (which == Present || e&pagemapFile == 0) {
				runs = join(runs, from, Run{start, start + page})
			}
			start += page
		}
	}
	return runs, nil
}
