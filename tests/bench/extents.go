// Memory in very many pieces, into a pipe and into a file.

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// touchEverySecond makes memory in pieces of one page, each between two that
// were never touched.
func (c crowd) touchEverySecond() error {
	page := os.Getpagesize()
	b, err := unix.Mmap(-1, 0, 2*c.number*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if err := unix.Madvise(b, unix.MADV_NOHUGEPAGE); err != nil {
		return err
	}
	return c.each(1, func(i int) error {
		b[2*i*page] = 1
		return nil
	})
}

// extents measures a snapshot of memory in very many pieces: into a pipe, where
// pages can be moved, it is to take no longer than into a file, where they are
// copied.
func extents(dir string, rounds int) error {
	header()
	c, err := startChild(crowd{"extent", 100_000}.String())
	if err != nil {
		return err
	}
	defer c.stop()
	return row{
		what: "`snapcat process:PID` into a pipe, 100 000 extents", bar: 1,
		ours:   fmt.Sprintf("snapcat process:%d | cat > /dev/null", c.pid()),
		theirs: fmt.Sprintf("snapcat process:%d > out", c.pid()),
	}.measure(dir, rounds)
}
