// Every damage to a stream, each found by snapresume.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"snappipe/tests/tools"
)

func TestMain(m *testing.M) { tools.Main(m) }

// Every truncation and every flipped bit of a small stream of each kind, given
// to the tool at the end of the line: it says where the damage is, exits with
// 3, and no file appears. That is some twenty thousand runs, which is why they
// share a process; tests/cli has one of its own for each.
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
			sh := exec.Command("sh", "-c", pipeline)
			sh.Dir = dir
			stream, err := sh.Output()
			if err != nil {
				t.Fatal(err)
			}
			r := newReceiver(t)
			if status, said := r.receive(stream); status != 0 {
				t.Fatalf("undamaged: exit status %d, %s", status, said)
			}
			if back, err := os.ReadFile(r.out); err != nil || !bytes.Equal(back, img) {
				t.Fatalf("undamaged: the image differs, %v", err)
			}
			if err := os.Remove(r.out); err != nil {
				t.Fatal(err)
			}
			step := 1
			if testing.Short() {
				step = 61 // all bits of a byte have their turn
			}
			for n := 0; n < len(stream); n += step {
				r.refuses(fmt.Sprintf("the first %d bytes", n), stream[:n])
			}
			for bit := 0; bit < len(stream)*8; bit += step {
				bad := bytes.Clone(stream)
				bad[bit/8] ^= 1 << (bit % 8)
				r.refuses(fmt.Sprintf("bit %d of byte %d", bit%8, bit/8), bad)
			}
		})
	}
}

// receiver is the end of the line.
type receiver struct {
	*testing.T
	in, out, messages string // files
}

func newReceiver(t *testing.T) *receiver {
	dir := t.TempDir()
	return &receiver{t, filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "messages")}
}

// receive returns the exit status and what was said on standard error.
func (r *receiver) receive(stream []byte) (status int, said []byte) {
	if err := os.WriteFile(r.in, stream, 0o666); err != nil {
		r.Fatal(err)
	}
	messages, err := os.Create(r.messages)
	if err != nil {
		r.Fatal(err)
	}
	defer messages.Close()
	defer func(f *os.File) { os.Stderr = f }(os.Stderr)
	os.Stderr = messages
	status = snapresume.Execute([]string{"snapresume", "--to", "file:" + r.out, r.in})
	said, err = os.ReadFile(r.messages)
	if err != nil {
		r.Fatal(err)
	}
	return status, said
}

var whereItIs = regexp.MustCompile(`^snapresume: frame [0-9]+ at byte [0-9]+`)

func (r *receiver) refuses(what string, stream []byte) {
	status, said := r.receive(stream)
	if status != 3 {
		r.Errorf("%s: exit status %d, want 3: %s", what, status, said)
	}
	if !whereItIs.Match(said) {
		r.Errorf("%s: the message does not say where: %s", what, said)
	}
	if _, err := os.Lstat(r.out); !errors.Is(err, os.ErrNotExist) {
		r.Fatalf("%s: a file was written", what)
	}
}
