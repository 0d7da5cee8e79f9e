// Stages of a pipeline that are killed.

package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestKilled kills a stage of the pipeline at many moments of its life, from
// before its first instruction to after its last. Each time, what came out is
// a whole image, or the last stage knows that it is not.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	b := make([]byte, 24<<20)
	rand.NewChaCha8([32]byte{2}).Read(b[:16<<20])
	if err := os.WriteFile(image, b, 0o666); err != nil {
		t.Fatal(err)
	}
	for victim, name := range []string{"snapcat", "snapcompress"} {
		t.Run(name, func(t *testing.T) {
			outcomes := map[int]int{}
			for i := range 40 {
				after := time.Duration(i) * 2500 * time.Microsecond
				outcomes[killed(t, dir, victim, after, i%2 == 0)]++
			}
			t.Logf("exit statuses of snapverify: %v", outcomes)
			if outcomes[3] == 0 {
				t.Error("no kill came in time to be seen")
			}
		})
	}
}

// killed runs the pipeline, kills one of its stages after a time, and returns
// the exit status of the last one.
func killed(t *testing.T, dir string, victim int, after time.Duration, named bool) int {
	t.Helper()
	out := filepath.Join(dir, fmt.Sprintf("out-%d-%d", victim, after))
	verify := exec.Command("snapverify", "-o", out)
	if !named {
		f, err := os.Create(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		verify = exec.Command("snapverify")
		verify.Stdout = f
	}
	stages := []*exec.Cmd{
		exec.Command("snapcat", "file:"+filepath.Join(dir, "image")),
		exec.Command("snapcompress"),
		verify,
	}
	var said bytes.Buffer
	verify.Stderr = &said
	start(t, stages)
	time.Sleep(after)
	stages[victim].Process.Kill() // or it has ended: that is one of the moments
	for _, s := range stages {
		s.Wait() // the statuses are looked at below
	}
	status := verify.ProcessState.ExitCode()
	image := filepath.Join(dir, "image")
	switch {
	case status == 0:
		checkWhole(t, out, image)
	case status != 3:
		t.Errorf("killed after %v: snapverify exits %d: %s", after, status, said.Bytes())
	case named:
		if _, err := os.Lstat(out); err == nil {
			t.Errorf("killed after %v: the output file is there", after)
		}
	default:
		checkRecognised(t, out)
	}
	return status
}

// start starts stages with pipes between them.
func start(t *testing.T, stages []*exec.Cmd) {
	t.Helper()
	var ends []*os.File
	for i := range stages[1:] {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		stages[i].Stdout, stages[i+1].Stdin = w, r
		ends = append(ends, r, w)
	}
	for _, s := range stages {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range ends {
		f.Close()
	}
}

func checkWhole(t *testing.T, img, image string) {
	t.Helper()
	back := img + ".back"
	if out, err := exec.Command("snapresume", "--to", "file:"+back, img).CombinedOutput(); err != nil {
		t.Fatalf("resume after status 0: %v: %s", err, out)
	}
	got, err := os.ReadFile(back)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("another image came back, after status 0")
	}
	if err := os.Remove(back); err != nil {
		t.Fatal(err)
	}
}

// checkRecognised demands that what was written into a file is seen to be
// incomplete.
func checkRecognised(t *testing.T, img string) {
	t.Helper()
	f, err := os.Open(img)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	check := exec.Command("snapverify", "--check")
	check.Stdin = f
	check.Run() // the status is what counts
	if status := check.ProcessState.ExitCode(); status != 3 {
		t.Errorf("a part of an image passes snapverify --check with status %d", status)
	}
}
