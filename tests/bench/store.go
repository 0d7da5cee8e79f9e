// A process that is stored in memory, and resumed from there, against the least
// that copies as much.

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// block is how much is copied at once.
const block = 1 << 20

// stored measures processes of 2 GiB. An image is a new file in memory, and what is
// resumed ends at once. Where criu(8) is on the PATH, it stores the same; it could not resume
// that, whose pipes lead to this program.
func stored(dir string, rounds int) error {
	header()
	for _, who := range users() {
		for _, pages := range []struct {
			kind string
			huge bool
		}{{"4K", false}, {"huge", true}} {
			c, err := startChildAs(target{mib: 2048, huge: pages.huge}.String(), who.user)
			if err != nil {
				return err
			}
			err = storedOf(dir, who, c.pid(), pages.kind, pages.huge, rounds)
			c.stop()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// storedOf measures one process. Both sides end with their files or memory gone, which
// takes time too.
func storedOf(dir string, who as, pid int, kind string, huge bool, rounds int) error {
	const image = 2200 << 20
	plain := func(what string) string { return fmt.Sprintf("%senv %s='%s' %s", who.prefix, childMarker, what, self) }
	if _, err := shell(dir, fmt.Sprintf("rm -f store.img; %ssnapcat -o store.img process:%d", who.prefix, pid)); err != nil {
		return err
	}
	rows := []row{
		{
			what:   "stored in memory",
			ours:   fmt.Sprintf("rm -rf out; %ssnapcat -o out process:%d", who.prefix, pid),
			theirs: "rm -rf out; " + plain(fmt.Sprintf("copy %d", pid)) + " > out",
		},
		{
			what:   "resumed from there",
			ours:   who.prefix + "snapresume --detach store.img | xargs kill -9",
			theirs: plain(fmt.Sprintf("fill 2048 %t", huge)),
		},
	}
	if os.Getuid() == 0 && who.user == nil && missing("criu") == "" {
		stored := rows[0]
		stored.theirs = fmt.Sprintf("rm -rf out; mkdir out; criu dump --leave-running --shell-job -D out -t %d", pid)
		rows = append(rows, stored)
	}
	for _, r := range rows {
		r.bar, r.memory = 1, image
		r.what = fmt.Sprintf("%s, 2 GiB in %s pages, %s", r.what, kind, who.name)
		if err := r.measure(dir, rounds); err != nil {
			return err
		}
	}
	_, err := shell(dir, "rm -rf store.img out")
	return err
}

// copier is a program that writes the largest mapping of another one to standard
// output, as pread(2) of /proc/PID/mem has it, and does nothing else.
type copier struct{ pid int }

func parseCopier(s string) (c copier, err error) {
	_, err = fmt.Sscanf(s, "copy %d", &c.pid)
	return c, err
}

func (c copier) run() error {
	start, end, err := largest(c.pid)
	if err != nil {
		return err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.pid))
	if err != nil {
		return err
	}
	b := make([]byte, block)
	for at := start; at < end; {
		n, err := mem.ReadAt(b[:min(block, end-at)], at)
		if n == 0 {
			return err
		}
		if _, err := os.Stdout.Write(b[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// largest finds the largest mapping of a process.
func largest(pid int) (start, end int64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil && to-from > end-start {
			start, end = from, to
		}
	}
	return start, end, err
}

// filler is a program that fills new memory, and does nothing else.
type filler struct {
	mib  int
	huge bool
}

func parseFiller(s string) (f filler, err error) {
	_, err = fmt.Sscanf(s, "fill %d %t", &f.mib, &f.huge)
	return f, err
}

func (f filler) run() error {
	b, err := target{mib: f.mib, huge: f.huge}.room()
	if err != nil {
		return err
	}
	what := bytes.Repeat([]byte("fill"), block/4)
	for at := 0; at < len(b); at += block {
		copy(b[at:], what)
	}
	return nil
}
