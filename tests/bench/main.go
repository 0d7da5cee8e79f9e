// Command bench measures the four tools against those that people would use
// instead, on a real memory image that it makes itself (heap.go says how), and
// prints one table of ratios, in Markdown.
//
// Absolute times say little on a shared machine. So each pair runs
// alternately in one go, and what counts is the ratio of the medians.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	if os.Getenv(heapMarker) != "" {
		hold()
		return
	}
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", 5, "how often each of a pair runs")
	bin := flag.String("bin", "bin", "where the four tools are")
	only := flag.String("only", "", "measure only rows whose name contains this")
	flag.Parse()
	if err := bench(*bin, *rounds, *only); err != nil {
		log.Fatal(err)
	}
}

func bench(bin string, rounds int, only string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(place(), "snappipe-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("PATH", bin+":"+os.Getenv("PATH")); err != nil {
		return err
	}
	if err := makeImage(filepath.Join(dir, "image")); err != nil {
		return fmt.Errorf("make the image: %w", err)
	}
	st, err := os.Stat(filepath.Join(dir, "image"))
	if err != nil {
		return err
	}
	fmt.Printf("%d cores, image of %d MiB in %s, medians of %d\n\n", runtime.NumCPU(), st.Size()>>20, filepath.Dir(dir), rounds)
	return table(dir, rounds, only)
}

// place is where files are as good as in the page cache.
func place() string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}
