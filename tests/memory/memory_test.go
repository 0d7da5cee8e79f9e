// Package memory_test shows that no stream, however hostile, makes a tool use
// more memory than a few frames: the tools run under a limit that the kernel
// enforces, and what they used at most is looked at afterwards.
package memory_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/tests/tools"
)

const (
	// limit is what RLIMIT_DATA grants. It counts what is mapped, used or
	// not, and Go's heap is mapped by 64 MiB.
	limit = 256 << 20
	// cores is how many the tools may use, wherever the test runs: they keep
	// five frames for two, each with its payload before and after decoding.
	cores = 2
)

const (
	launchMarker = "SNAPPIPE_MEMORY_LAUNCH"
	hog          = "hog" // what is launched instead of a tool to try the limit
)

// TestMain is also the launcher, and the hog that tries what it does.
func TestMain(m *testing.M) {
	switch os.Getenv(launchMarker) {
	case "":
		tools.Main(m)
	case hog:
		allocate(2 * limit)
	default:
		launch()
	}
}

// allocate uses n bytes.
func allocate(n int) {
	b := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	runtime.KeepAlive(b)
}

// usage is what the launcher says of the program that it ran.
type usage struct {
	Exit int   // its exit code, or -1
	Peak int64 // its largest resident set, in bytes
}

// launch runs a program under the limit and writes its usage to descriptor 3.
//
// It is a process of its own since a limit is handed down, and because of
// getrusage: what a program used at most includes what the process had that
// it was started from (exec_mmap in the kernel's fs/exec.c), and the test has
// more than the launcher.
func launch() {
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), launchMarker+"=")
	if os.Args[1] == os.Args[0] {
		cmd.Env = append(os.Environ(), launchMarker+"="+hog)
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	used := usage{cmd.ProcessState.ExitCode(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10}
	if err := json.NewEncoder(os.NewFile(3, "usage")).Encode(used); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run launches a program, with a file as its input.
func run(t *testing.T, stdin, program string, args ...string) (usage, string) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	report, reportIn, err := os.Pipe()
	check(t, err)
	defer report.Close()
	in, err := os.Open(stdin)
	check(t, err)
	defer in.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(self, append([]string{program}, args...)...)
	cmd.Args[0] = self
	cmd.Env = append(os.Environ(), launchMarker+"=yes", fmt.Sprintf("GOMAXPROCS=%d", cores))
	cmd.Stdin, cmd.Stderr = in, &stderr
	cmd.ExtraFiles = []*os.File{reportIn}
	check(t, cmd.Start())
	reportIn.Close()
	var used usage
	if err := json.NewDecoder(report).Decode(&used); err != nil {
		t.Errorf("launch %s: %v", program, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("launch %s: %v\n%s", program, err, stderr.String())
	}
	return used, stderr.String()
}

var diedOfMemory = regexp.MustCompile(`out of memory|cannot allocate memory|(?s)SIGSEGV.*addr=0x0.*runtime\.`)

// The limit bites, and the peak is seen: what uses more dies, and what uses
// less has used that.
func TestLimit(t *testing.T) {
	self, err := os.Executable()
	check(t, err)
	used, said := run(t, os.DevNull, self)
	// Where it is the Go runtime's garbage collector that gets no memory, that
	// dies of a nil pointer.
	if used.Exit != 2 || !diedOfMemory.MatchString(said) {
		t.Errorf("a program that takes twice the limit exits with %d: %.300s", used.Exit, said)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), launchMarker+"="+hog)
	check(t, cmd.Run())
	if got := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10; got < 2*limit {
		t.Errorf("without the limit, it is seen to take %d MiB of %d", got>>20, 2*limit>>20)
	}
}

// Every tool reads every hostile stream within the limit, and comes to the
// right conclusion.
func TestHostile(t *testing.T) {
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
			check(t, s.write(in))
			for _, tool := range [][]string{
				{"snapverify", "--check"},
				{"snapverify", "--check", "--digests-only"},
				{"snapverify"},
				{"snapcompress", "-d"},
				{"snapcompress", "--codec", "zstd", "--level", "1"},
				{"snapresume", "--to", "file:" + out},
				{"snapresume", "--salvage", "--to", "file:" + out + ".left"},
			} {
				used, said := run(t, in, tool[0], tool[1:]...)
				what := strings.Join(tool[:min(2, len(tool))], " ")
				t.Logf("%-22s %3d MiB, exit code %d", what, used.Peak>>20, used.Exit)
				if want := s.exit(tool); used.Exit != want {
					t.Errorf("%s exits with %d, not %d: %.300s", what, used.Exit, want, said)
				}
				if used.Peak>>20 > s.peak {
					t.Errorf("%s takes %d MiB, more than %d", what, used.Peak>>20, s.peak)
				}
			}
		})
	}
}

// The codecs and levels that need most code an image within what a tool may
// take.
func TestHighestLevels(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	check(t, pointers.write(in))
	for _, args := range [][]string{
		{"--codec", "zstd", "--level", "22"},
		{"--codec", "s2", "--level", "3"},
		{"--codec", "xz"},
	} {
		used, said := run(t, in, "snapcompress", args...)
		t.Logf("%-22s %3d MiB", strings.Join(args, " "), used.Peak>>20)
		if used.Exit != 0 || used.Peak>>20 > pointers.peak {
			t.Errorf("%v: exit code %d, %d MiB, more than %d: %.300s", args, used.Exit, used.Peak>>20, pointers.peak, said)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
