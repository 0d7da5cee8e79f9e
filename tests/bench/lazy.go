// How soon a program runs that is resumed lazily, and what that costs it.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// lazily measures programs of two sizes, and for comparison one of almost none:
// what that takes is what a resume takes beside the memory.
func lazily(_ string, rounds int) error {
	if os.Geteuid() != 0 {
		fmt.Println("\nSKIPPED: lazy: it takes root")
		return nil
	}
	fmt.Println("\n| resume of a process of | first instruction, ms: eager | lazy, cached | lazy, cold | all touched, s: eager | lazy | throughput (bar: 0.7) |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	for _, mib := range []int{2, 2048, 8192} {
		free, err := available()
		if err == nil && free < int64(mib)<<21 {
			fmt.Printf("| %d MiB | SKIPPED: only %d MiB of memory | | | | | |\n", mib, free>>20)
			continue
		}
		if err == nil {
			err = lazilyOf(mib, rounds)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lazilyOf measures one size. The image lies on a disk.
func lazilyOf(mib, rounds int) error {
	dir, err := os.MkdirTemp("", "snappipe-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := startChild(target{mib: mib}.String())
	if err != nil {
		return err
	}
	_, err = shell(dir, fmt.Sprintf("snapcat process:%d | snapcompress --codec s2 | snapverify > img", c.pid()))
	c.stop()
	if err != nil {
		return err
	}
	img := filepath.Join(dir, "img")
	var eager, cached, cold, eagerAll, lazyAll []time.Duration
	for range rounds {
		for _, m := range []struct {
			first, all *[]time.Duration
			before     func(string) error
			args       []string
		}{
			{&eager, &eagerAll, warmUp, nil},
			{&cached, &lazyAll, warmUp, []string{"--lazy"}},
			{&cold, nil, coolDown, []string{"--lazy"}},
		} {
			if err := m.before(img); err != nil {
				return err
			}
			first, all, err := resumeOnce(append(m.args, img))
			if err != nil {
				return err
			}
			*m.first = append(*m.first, first)
			if m.all != nil {
				*m.all = append(*m.all, all)
			}
		}
	}
	middle := func(all []time.Duration) time.Duration { slices.Sort(all); return all[len(all)/2] }
	fmt.Printf("| %d MiB | %.0f | **%.0f** | **%.0f** | %.2f | %.2f | **%.2f** |\n", mib, ms(middle(eager)), ms(middle(cached)), ms(middle(cold)),
		middle(eagerAll).Seconds(), middle(lazyAll).Seconds(), middle(eagerAll).Seconds()/middle(lazyAll).Seconds())
	return nil
}

// resumeOnce tells after which time the program has answered, and after which it has
// touched all of its memory.
func resumeOnce(args []string) (first, all time.Duration, err error) {
	began := time.Now()
	c, err := startCommand("snapresume", args...)
	if err != nil {
		return 0, 0, err
	}
	defer c.stop()
	if _, err = c.ask("hello"); err != nil {
		return 0, 0, err
	}
	first = time.Since(began)
	if _, err = c.ask("touch"); err != nil {
		return 0, 0, err
	}
	all = time.Since(began)
	_, err = c.ask("end")
	c.cmd.Wait()
	if !errors.Is(err, os.ErrClosed) && c.cmd.ProcessState.ExitCode() != 0 {
		return 0, 0, fmt.Errorf("snapresume: %v", c.cmd.ProcessState)
	}
	return first, all, nil
}

// warmUp has a file be in the page cache, coolDown has it not be.
func warmUp(path string) error {
	_, err := shell("/", "cat "+path+" > /dev/null")
	return err
}

func coolDown(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
}
