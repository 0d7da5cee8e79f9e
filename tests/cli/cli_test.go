// Package cli tries the four tools as their users do: built, and run in
// processes of their own. Each script in testdata keeps one promise.
//
// Beside what testscript offers, scripts have
//
//	status WANT COMMAND...   run it, and demand that exit status, or to die
//	                         of that signal: "3", "SIGPIPE"
//	random FILE SIZE         make a file that cannot be compressed
//	resumed FILE             make the stream of a resumed system
//	of KERNEL FILE           make the stream of an image of that kernel
//	forged FROM TO           make a stream whose image somebody has changed who
//	                         knows the format: all checksums are right
//	patch FILE OFFSET        change a byte; a negative offset is from the end
//	allocated FILE SIZE      demand that at most that much is stored of it
package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"snappipe/format"
	"snappipe/tests/tools"
)

func TestMain(m *testing.M) { tools.Main(m) }

func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROOT", root)
			e.Setenv("HOME", os.Getenv("HOME")) // where the Go command has its caches
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "loop":
				return haveLoop(t), nil
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    status,
			"random":    random,
			"resumed":   resumed,
			"of":        of,
			"forged":    forged,
			"patch":     patch,
			"allocated": allocated,
		},
	})
}

// haveLoop reports whether loop devices can be made here.
func haveLoop(t *testing.T) bool {
	f := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(f, make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	dev, err := exec.Command("losetup", "--show", "-f", f).Output()
	if err != nil {
		return false
	}
	if err := exec.Command("losetup", "-d", strings.TrimSpace(string(dev))).Run(); err != nil {
		t.Fatal(err)
	}
	return true
}

// arguments fails unless a script's command has n of them, or at least n.
func arguments(ts *testscript.TestScript, neg bool, args []string, n int, more bool) {
	if neg || len(args) < n || len(args) > n && !more {
		ts.Fatalf("wrong use of a command; see the package documentation")
	}
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, true)
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		got = strconv.Itoa(exit.ExitCode())
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			got = unix.SignalName(ws.Signal())
		}
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("%s: status %s, not %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func random(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, false)
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(b)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

func resumed(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, false)
	stream(ts, args[0], "machine", true)
}

func of(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, false)
	stream(ts, args[1], args[0], false)
}

// stream writes the stream of an image of no bytes, or of none at all.
func stream(ts *testscript.TestScript, file, kernel string, resumed bool) {
	f, err := os.Create(ts.MkAbs(file))
	ts.Check(err)
	w, err := format.NewWriter(f, &format.Info{Resumed: resumed, ID: 1, Facts: []format.Fact{
		{Name: format.FactKernel, Value: kernel},
		{Name: format.FactArch, Value: "x86_64"},
		{Name: format.FactPageSize, Value: "4096"},
		{Name: format.FactHost, Value: "test"},
		{Name: format.FactTime, Value: "2007-04-26T00:00:00Z"},
	}})
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(f.Close())
}

func forged(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, false)
	from, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer from.Close()
	to, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	change := format.Editor{Sum: true, Work: func() format.Work {
		decode := format.Decompress()
		return func(f *format.Frame) error {
			if err := decode(f); err != nil || f.Type != format.TypeData {
				return err
			}
			raw := bytes.Clone(f.Payload())
			raw[0] ^= 1
			return f.SetRaw(raw)
		}
	}}
	ts.Check(change.Run(context.Background(), to, format.NewReader(from)))
	ts.Check(to.Close())
}

func patch(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, false)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	off, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(err)
	if off < 0 {
		size, err := f.Seek(0, io.SeekEnd)
		ts.Check(err)
		off += size
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], off)
	ts.Check(err)
	b[0] ^= 0x10
	_, err = f.WriteAt(b[:], off)
	ts.Check(err)
	ts.Check(f.Close())
}

func allocated(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, false)
	limit, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(err)
	var st unix.Stat_t
	ts.Check(unix.Stat(ts.MkAbs(args[0]), &st))
	if got := st.Blocks * 512; got > limit {
		ts.Fatalf("%s takes %d bytes on the disk, over %d", args[0], got, limit)
	}
}
