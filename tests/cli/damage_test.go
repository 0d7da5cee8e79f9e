package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"
)

// Every truncation and every flipped bit of a small stream of each kind, given
// to the tool at the end of the line: it says where the damage is, exits with
// 3, and no file appears.
func TestEveryDamage(t *testing.T) {
	dir := t.TempDir()
	img := append(make([]byte, 4096), bytes.Repeat([]byte("snapshot"), 12)...)
	if err := os.WriteFile(filepath.Join(dir, "image"), img, 0o666); err != nil {
		t.Fatal(err)
	}
	for kind, pipeline := range map[string]string{
		"plain":     "snapcat file:image",
		"zstd":      "snapcat file:image | snapcompress",
		"s2":        "snapcat file:image | snapcompress --codec s2",
		"lz4":       "snapcat file:image | snapcompress --codec lz4",
		"xz":        "snapcat file:image | snapcompress --codec xz",
		"gzip":      "snapcat file:image | snapcompress --codec gzip",
		"checksums": "snapcat file:image | snapcompress | snapverify",
	} {
		t.Run(kind, func(t *testing.T) {
			make := exec.Command("sh", "-c", pipeline)
			make.Dir = dir
			stream, err := make.Output()
			if err != nil {
				t.Fatal(err)
			}
			back := filepath.Join(t.TempDir(), "back")
			if err := resume(stream, back); err != nil {
				t.Fatalf("undamaged: %v", err)
			}
			inParallel(len(stream), func(n int) {
				refused(t, fmt.Sprintf("the first %d bytes", n), stream[:n], fmt.Sprint(back, n))
			})
			inParallel(len(stream)*8, func(bit int) {
				bad := bytes.Clone(stream)
				bad[bit/8] ^= 1 << (bit % 8)
				refused(t, fmt.Sprintf("bit %d of byte %d", bit%8, bit/8), bad, fmt.Sprint(back, bit))
			})
		})
	}
}

var whereItIs = regexp.MustCompile(`^snapresume: frame [0-9]+ at byte [0-9]+`)

func refused(t *testing.T, what string, stream []byte, out string) {
	var exit *exec.ExitError
	err := resume(stream, out)
	switch {
	case !errors.As(err, &exit) || exit.ExitCode() != 3:
		t.Errorf("%s: %v, want exit status 3", what, err)
	case !whereItIs.Match(exit.Stderr):
		t.Errorf("%s: the message does not say where: %s", what, exit.Stderr)
	}
	if _, err := os.Lstat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: a file was written", what)
	}
}

// resume runs snapresume; an ExitError has what it said.
func resume(stream []byte, out string) error {
	cmd := exec.Command("snapresume", "--to", "file:"+out)
	cmd.Stdin = bytes.NewReader(stream)
	_, err := cmd.Output()
	return err
}

// inParallel calls f for each number below n, as many at once as there are
// cores.
func inParallel(n int, f func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
