// Package golden keeps an image of each version of the format of processes
// (kernel/process/IMAGE.md), and resumes them all: what was stored once is not lost by a
// later snappipe.
//
// When the version changes, or the program is to have more in it, `go test
// ./tests/process/golden -make` takes the image of the current one anew. That of an
// older version stays as it is.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/kernel/process/world"
	"snappipe/tests/process/cycle"
)

var renew = flag.Bool("make", false, "take the image of the current version anew")

// current is the version that an image taken now has.
const current = "testdata/1.img"

func TestMain(m *testing.M) {
	flag.Parse()
	cycle.Main(m)
}

// said is what the program says at its end if nothing was lost.
const said = "all is as it was\n"

func TestGolden(t *testing.T) {
	if *renew {
		take(t)
	}
	images, err := filepath.Glob("testdata/*.img")
	if err != nil || len(images) == 0 {
		t.Fatalf("no images: %v", err)
	}
	for _, name := range images {
		stream, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range cycle.Users() {
			t.Run(filepath.Base(name)+"/"+u.Name, func(t *testing.T) {
				s := cycle.NewStage(t, u)
				s.Write(t, "img", string(stream))
				read(t, s)
				resume(t, s)
			})
		}
	}
}

// read has the image checked and decoded, which any machine can.
func read(t *testing.T, s *cycle.Stage) {
	if out, err := s.Tool("snapverify", "--check", s.Path("img")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	image, err := s.Tool("snapresume", "--to", "file:-", s.Path("img")).Output()
	if err != nil {
		t.Fatal(err)
	}
	size, err := world.HeaderSize(image[:min(world.PrefixSize, len(image))])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := world.Decode(image[:size], int64(len(image))); err != nil {
		t.Fatal(err)
	}
}

// resume runs the program to its end. Part of its memory is the vdso of the kernel that the image
// was taken on: under another, the image has to be refused for that.
func resume(t *testing.T, s *cycle.Stage) {
	var out, text bytes.Buffer
	cmd := s.Tool("snapresume", "--force", s.Path("img"))
	cmd.Stdout, cmd.Stderr = &out, &text
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() == 4 && strings.Contains(text.String(), "vdso") {
		t.Skipf("this kernel is not that of the image: %s", &text)
	}
	if err != nil || out.String() != said {
		t.Errorf("%v: %q\n%s", err, &out, &text)
	}
}

// take makes the image of the current version. The program's file is gone by then, so that it is in
// the image.
func take(t *testing.T) {
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, "programs/golden.c", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
	s := cycle.NewStage(t, cycle.Unprivileged)
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "golden", string(code))
	if err := os.Chmod(s.Path("golden"), 0o755); err != nil {
		t.Fatal(err)
	}
	input, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	ready, output, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	cmd := s.Command(s.Path("golden"))
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.Stdin, cmd.Stdout = input, output
	p := cycle.Launch(t, cmd)
	input.Close()
	output.Close()
	if _, err := ready.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Path("golden")); err != nil {
		t.Fatal(err)
	}
	if r := s.Snapshot(t, p.PID); !r.OK() {
		t.Fatalf("status %d\n%s", r.Status, r.Text)
	}
	if err := os.WriteFile(current, []byte(s.Read(t, "img")), 0o644); err != nil {
		t.Fatal(err)
	}
}
