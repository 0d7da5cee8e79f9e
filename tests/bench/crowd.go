// The stop of programs that have very many of one thing.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A crowd is a program that has very many of one thing. What a snapshot does
// about each while the program is stopped adds up, and must do no more than that.
type crowd struct {
	kind   string
	number int
}

// crowds are what they are of.
var crowds = []struct {
	crowd
	what string
}{
	{crowd{"eventfd", 10_000}, "eventfds"},
	{crowd{"file", 10_000}, "open files"},
	{crowd{"pipe", 10_000}, "ends of pipes"},
	{crowd{"socket", 10_000}, "ends of unix connections"},
	{crowd{"watch", 10_000}, "watches of an epoll set"},
	{crowd{"mapping", 10_000}, "mappings"},
	{crowd{"thread", 2_000}, "threads"},
}

func (c crowd) String() string { return fmt.Sprintf("crowd %s %d", c.kind, c.number) }

func parseCrowd(s string) (c crowd, err error) {
	_, err = fmt.Sscanf(s, "crowd %s %d", &c.kind, &c.number)
	return c, err
}

// run has them all, and says for how long the program has not run.
func (c crowd) run() error {
	if err := c.gather(); err != nil {
		return err
	}
	attend(nil, false, 0, fork)
	return nil
}

func (c crowd) gather() error {
	switch c.kind {
	case "eventfd":
		return c.each(1, func(int) error { _, err := unix.Eventfd(0, 0); return err })
	case "file":
		return c.openFiles()
	case "pipe":
		return c.each(2, func(int) error { return unix.Pipe2(make([]int, 2), 0) })
	case "socket":
		return c.each(2, func(int) error {
			_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			return err
		})
	case "watch":
		return c.watch()
	case "mapping":
		return c.each(1, mapOne)
	case "extent":
		return c.touchEverySecond()
	case "thread":
		manyThreads(c.number)
		return nil
	case "none":
		return nil
	}
	return fmt.Errorf("a crowd of %q", c.kind)
}

// each calls f as often as makes that many, if each call makes some.
func (c crowd) each(some int, f func(i int) error) error {
	for i := range c.number / some {
		if err := f(i); err != nil {
			return fmt.Errorf("%d of %d: %w", i*some, c.number, err)
		}
	}
	return nil
}

func (c crowd) openFiles() error {
	dir, err := os.MkdirTemp("", "files-")
	if err != nil {
		return err
	}
	return c.each(1, func(i int) error {
		_, err := unix.Open(filepath.Join(dir, fmt.Sprint(i)), unix.O_CREAT|unix.O_RDWR, 0o600)
		return err
	})
}

func (c crowd) watch() error {
	set, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	return c.each(1, func(int) error {
		fd, err := unix.Eventfd(0, 0)
		if err != nil {
			return err
		}
		return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
}

// mapOne maps a page that is unlike its neighbours, which would be one with it.
func mapOne(i int) error {
	_, err := unix.MmapPtr(-1, 0, nil, uintptr(os.Getpagesize()), int(unlike(i)), unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

// unlike is a protection that the next does not have.
func unlike(i int) uintptr {
	if i%2 == 0 {
		return unix.PROT_READ | unix.PROT_WRITE
	}
	return unix.PROT_READ
}

func manyThreads(n int) {
	for range n {
		go func() {
			runtime.LockOSThread()
			unix.Pause()
		}()
	}
	time.Sleep(time.Second) // for all of them to have begun
}

// crowded prints the pauses of crowds, of a quarter, a half, and all.
func crowded(dir string, rounds int) error {
	fmt.Println("\n| pause of a process that has | a quarter, ms | half, ms | all, ms | grows by |")
	fmt.Println("|---|---:|---:|---:|---:|")
	if err := os.Setenv("TMPDIR", dir); err != nil { // where files are gone afterwards
		return err
	}
	who := users()[0]
	for _, c := range crowds {
		var pause [3]time.Duration
		for i, part := range [3]int{4, 2, 1} {
			some := crowd{c.kind, c.number / part}
			var err error
			if pause[i], err = pauseOf(some, who, command(dir, who, "snapcat process:%d > /dev/null"), rounds); err != nil {
				return err
			}
		}
		fmt.Printf("| %d %s | %s |\n", c.number, c.what, grown(pause))
	}
	return nil
}

// grown are cells with pauses for some, twice and four times as many.
func grown(pause [3]time.Duration) string {
	growth := ms(pause[2]) / ms(pause[0])
	return fmt.Sprintf("%.1f | %.1f | **%.1f** | %.1f for 4 times as many (bar: %d, %s)",
		ms(pause[0]), ms(pause[1]), ms(pause[2]), growth, fourfold, met(growth <= fourfold))
}

// fourfold is the bar for four times as many: linear, and some for noise.
const fourfold = 5
