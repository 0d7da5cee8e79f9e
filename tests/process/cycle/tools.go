// Package cycle is what every test of the process kernel goes through: a
// program is started, a snapshot of it taken by the tools as users run them,
// the program killed, and the image resumed.
package cycle

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The four tools, in the order in which they stand in a pipeline.
var tools = []string{"snapcat", "snapcompress", "snapverify", "snapresume"}

// bin is where they are.
var bin string

// Main builds the tools and runs the tests of a package; it is for TestMain.
func Main(m *testing.M) {
	status, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func buildAndRun(m *testing.M) (int, error) {
	if signal.Ignored(unix.SIGHUP) { // by nohup(1), and then by all that is started here
		signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	}
	dir, err := MakeDir("bin")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	bin = dir
	// What this process was started with is not to be open in programs.
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close_range: %w", err)
	}
	build := exec.Command("go", "build", "-o", dir)
	for _, t := range tools {
		build.Args = append(build.Args, "snappipe/cmd/"+t)
	}
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the tools: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// MakeDir makes a directory of its own that every user may look into.
func MakeDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "snappipe-"+name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// compiled are the programs of Compile, of which each is made once.
var compiled sync.Map // of func() (string, error), by source

// Compile makes a program of a file of C source.
func Compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	build, _ := compiled.LoadOrStore(source, sync.OnceValues(func() (string, error) {
		program := filepath.Join(bin, strings.TrimSuffix(filepath.Base(source), ".c"))
		args := append([]string{"-O1", "-Wall", "-Werror", "-pthread", "-o", program, source}, flags...)
		if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("gcc %s: %w\n%s", source, err, out)
		}
		return program, nil
	}))
	program, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Need skips a test by the name of a program that is not installed.
func Need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}
