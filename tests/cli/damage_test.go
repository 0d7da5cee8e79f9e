// Damage, as the tools report it.

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

// A small stream, cut off at every byte and with a bit of every byte flipped,
// given to the tool at the end of the line: it says where the damage is, exits
// with 3, and no file appears. Every bit, and each kind of stream, has its turn
// in the test of the same name beside snapresume, without a process for each.
func TestEveryDamage(t *testing.T) {
	dir := t.TempDir()
	img := append(make([]byte, 4096), bytes.Repeat([]byte("snapshot"), 12)...)
	if err := os.WriteFile(filepath.Join(dir, "image"), img, 0o666); err != nil {
		t.Fatal(err)
	}
	sh := exec.Command("sh", "-c", "snapcat file:image | snapcompress | snapverify")
	sh.Dir = dir
	stream, err := sh.Output()
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(dir, "back")
	if err := resume(stream, back); err != nil {
		t.Fatalf("undamaged: %v", err)
	}
	inParallel(len(stream), func(n int) {
		refused(t, fmt.Sprintf("the first %d bytes", n), stream[:n], fmt.Sprint(back, n))
		bad := bytes.Clone(stream)
		bad[n] ^= 1 << (n % 8)
		refused(t, fmt.Sprintf("bit %d of byte %d", n%8, n), bad, fmt.Sprint(back, n))
	})
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
