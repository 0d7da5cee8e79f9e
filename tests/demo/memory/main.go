// Command memory stands in for gcore(1) where that is not installed:
//
//	memory FILE
//
// starts a live program, itself again, with a heap of some 100 MiB, and writes
// all memory that it may read of it to FILE. The program is a child, so that
// no privilege is needed: ptrace(2), "Ptrace access mode checking".
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("memory: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: memory FILE")
	}
	if os.Args[1] == "-" {
		live()
		return
	}
	if err := dump(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// live is the live program: it remembers things, says so, and waits.
func live() {
	heap := map[string][]int{}
	for i := range 600_000 {
		heap[fmt.Sprintf("key %d", i)] = []int{i, i * i}
	}
	fmt.Println("there are", len(heap), "things in the heap")
	io.Copy(io.Discard, os.Stdin)
	fmt.Println(len(heap))
}

func dump(path string) (err error) {
	child := exec.Command("/proc/self/exe", "-")
	in, err := child.StdinPipe()
	if err != nil {
		return err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close(), child.Wait()) }()
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("start a live program: %w", err)
	}
	fmt.Printf("process %d: %s", child.Process.Pid, said)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(copyMemory(f, child.Process.Pid), f.Close())
}

// copyMemory writes the contents of all readable mappings of a process, but
// for those of pages that it never touched, which stay holes.
func copyMemory(f *os.File, pid int) error {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer mem.Close()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	at, page := int64(0), make([]byte, os.Getpagesize())
	for line := range strings.Lines(string(maps)) {
		var start, end uint64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &start, &end, &rights); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		if rights[0] != 'r' || end-start > 1<<30 {
			continue
		}
		for ; start < end; start += uint64(len(page)) {
			// The kernel's own pages, [vvar], say EIO.
			if _, err := mem.ReadAt(page, int64(start)); errors.Is(err, unix.EIO) {
				break
			} else if err != nil {
				return err
			}
			if len(strings.Trim(string(page), "\x00")) > 0 {
				if _, err := f.WriteAt(page, at); err != nil {
					return err
				}
			}
			at += int64(len(page))
		}
	}
	return f.Truncate(at)
}
