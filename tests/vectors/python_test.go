// The reader in Python, beside the one in Go.

package vectors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snappipe/format"
	"snappipe/format/codec"
)

// verdict is what the reader in Python says of a stream.
type verdict struct {
	code int
	line string
}

// python gives streams to the reader in Python.
func python(t *testing.T, paths ...string) []verdict {
	t.Helper()
	// One process for all of them: starting it takes longer than reading them.
	const each = "import sys, reader\nbase = sys.argv[1]\n" +
		"for path in sys.argv[2:]: print(reader.main([path, None, base] if '-patch-' in path else [path]))"
	out := run(t, "python3", append([]string{"-B", "-c", each, basePath}, paths...)...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 2*len(paths) {
		t.Fatalf("reader.py prints more or less than a line for each stream:\n%s", out)
	}
	var all []verdict
	for i := range paths {
		code, err := strconv.Atoi(lines[2*i+1])
		check(t, err)
		all = append(all, verdict{code, lines[2*i]})
	}
	return all
}

func needsPython(t *testing.T) {
	for _, name := range []string{"python3", "zstd"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
}

// The reader in Python, which knows SPEC.md alone, says the same of every
// vector.
func TestPython(t *testing.T) {
	needsPython(t)
	all := expected(t)
	var paths []string
	for _, v := range all {
		paths = append(paths, v.path())
	}
	for i, got := range python(t, paths...) {
		v, want := all[i], all[i].class+": "
		switch v.class {
		case "good":
			want = fmt.Sprintf("good: %d bytes, sha256 %s, digest %s", v.size, v.sha256, v.digest)
		case "resumed":
			want = "resumed: no image here"
		}
		if got.code != v.exit || !strings.HasPrefix(got.line, want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", v.name, got.code, got.line, v.exit, want)
		}
	}
}

// It reads what this project's writers write, by each codec at its lowest and
// its highest level.
func TestPythonReadsWriter(t *testing.T) {
	needsPython(t)
	img := memory(200<<10 + 77)
	want := fmt.Sprintf("good: %d bytes, sha256 %x", len(img), sha256.Sum256(img))
	for _, c := range codec.All() {
		for _, level := range []int{c.MinLevel, c.MaxLevel} {
			t.Run(fmt.Sprintf("%s-%d", c.Name, level), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "stream")
				if err := os.WriteFile(path, writeStream(t, img, c, level), 0o666); err != nil {
					t.Fatal(err)
				}
				if got := python(t, path)[0]; got.code != 0 || !strings.HasPrefix(got.line, want+", digest ") {
					t.Errorf("exit code %d, %q; want %q", got.code, got.line, want)
				}
			})
		}
	}
}

// writeStream does what snapcat, snapcompress and snapverify do.
func writeStream(t *testing.T, img []byte, c codec.Codec, level int) []byte {
	t.Helper()
	ctx := context.Background()
	var plain, coded, summed bytes.Buffer
	w, err := format.NewWriter(&plain, &format.Info{Size: int64(len(img)), ID: 1, Facts: []format.Fact{
		{Name: format.FactKernel, Value: "file"},
		{Name: format.FactArch, Value: "x86_64"},
		{Name: format.FactPageSize, Value: "4096"},
		{Name: format.FactHost, Value: "h"},
		{Name: format.FactTime, Value: "2007-04-26T12:00:00Z"},
	}})
	check(t, err)
	for off := 0; off < len(img); off += 50_000 {
		f := &format.Frame{Offset: int64(off)}
		check(t, f.SetRaw(img[off:min(off+50_000, len(img))]))
		check(t, w.Write(f))
	}
	check(t, w.Close())
	work, err := format.Compress(c, level, false)
	check(t, err)
	check(t, format.Filter(ctx, &coded, format.NewReader(&plain), work))
	check(t, format.Sum(ctx, &summed, format.NewReader(&coded)))
	return summed.Bytes()
}

// memory makes bytes of which some repeat near by, some far away, and some not.
func memory(n int) []byte {
	rnd := rand.New(rand.NewPCG(2007, 4))
	b := make([]byte, 0, n+300)
	for len(b) < n {
		switch size := 1 + rnd.IntN(300); rnd.IntN(4) {
		case 0:
			for range size {
				b = append(b, byte(rnd.Uint32()))
			}
		case 1:
			b = append(b, bytes.Repeat([]byte{byte(size)}, size)...)
		case 2:
			b = fmt.Appendf(b, "%064b%x", size, size)
		case 3:
			from := rnd.IntN(len(b) + 1)
			b = append(b, b[from:min(from+size, len(b))]...)
		}
	}
	return b[:n]
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
