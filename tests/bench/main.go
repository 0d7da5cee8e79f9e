// Command bench measures the four tools against those that people would use
// instead, on a real memory image that it makes itself (heap.go says how), and
// prints one table of ratios, in Markdown.
//
// Absolute times say little on a shared machine. So each pair runs
// alternately in one go, and what counts is the ratio of the medians.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

func main() {
	if what := os.Getenv(childMarker); what != "" {
		beChild(what)
		return
	}
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	// Whoever starts it may have left descriptors open, which the programs
	// that are snapshotted would have too.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		log.Fatal(err)
	}
	rounds := flag.Int("rounds", 5, "how often each of a pair runs")
	bin := flag.String("bin", "bin", "where the four tools are")
	only := flag.String("only", "", "measure one part only: stream, hibernation, difference, memory, pause, precopy, crowd, tree, extents, process, store, lazy")
	flag.Parse()
	if err := bench(*bin, *rounds, *only); err != nil {
		log.Fatal(err)
	}
}

// parts are what is measured, each in files of its own directory.
var parts = []struct {
	name    string
	measure func(dir string, rounds int) error
}{
	{"stream", streams},
	{"hibernation", hibernation},
	{"difference", differ},
	{"memory", memory},
	{"pause", pauses},
	{"precopy", precopied},
	{"crowd", crowded},
	{"tree", families},
	{"extents", extents},
	{"process", processes},
	{"store", stored},
	{"lazy", lazily},
}

func bench(bin string, rounds int, only string) error {
	dir, err := publish(bin)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("PATH", dir+":"+os.Getenv("PATH")); err != nil {
		return err
	}
	fmt.Printf("%d cores, files in %s, medians of %d\n", runtime.NumCPU(), place(), rounds)
	for _, p := range parts {
		if only == "" || p.name == only {
			if err := inPlace(func(dir string) error { return p.measure(dir, rounds) }); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// self is this program, where every user can run it.
var self string

// publish copies the tools and this program to a directory that the
// unprivileged can get at, which a home directory may not be.
func publish(bin string) (dir string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "snappipe-bench-bin-"); err != nil {
		return "", err
	}
	self = filepath.Join(dir, filepath.Base(exe))
	// Not read into this process: what it needs counts as what its children
	// need before they exec (getrusage(2), RUSAGE_CHILDREN).
	out, err := exec.Command("install", "-m", "755", exe, filepath.Join(bin, "snapcat"), filepath.Join(bin, "snapcompress"),
		filepath.Join(bin, "snapverify"), filepath.Join(bin, "snapresume"), dir).CombinedOutput()
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("%w: %s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}

// inPlace calls f with a directory that is gone afterwards.
func inPlace(f func(dir string) error) error {
	dir, err := os.MkdirTemp(place(), "snappipe-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil { // for the unprivileged
		return err
	}
	return f(dir)
}

// place is where files are as good as in the page cache.
func place() string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}
