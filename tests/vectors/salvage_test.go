// What is left of damaged streams, by two programs.

package vectors_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"snappipe/format"
)

// What is left of damaged streams is what SALVAGED says.
func TestSalvaged(t *testing.T) {
	left := ruins(t)
	for _, v := range expected(t) {
		if want, listed := left[v.name]; listed {
			delete(left, v.name)
			if got := salvaged(t, v); got != want {
				t.Errorf("%s: %q, want %q", v.name, got, want)
			}
		}
	}
	for name := range left {
		t.Errorf("%s is not in EXPECTED", name)
	}
}

// The salvager in Python brings the same out of them, and whatever the format
// package does out of every other vector.
func TestPythonSalvages(t *testing.T) {
	needsPython(t)
	left := ruins(t)
	all := expected(t)
	const each = "import sys, salvager\nbase = sys.argv[1]\n" +
		"for path in sys.argv[2:]: print(salvager.salvage(path, base if '-patch-' in path else None).line())"
	args := []string{"-B", "-c", each, basePath}
	for _, v := range all {
		args = append(args, v.path())
	}
	lines := strings.Split(strings.TrimSuffix(run(t, "python3", args...), "\n"), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d streams", len(lines), len(all))
	}
	for i, v := range all {
		want, listed := left[v.name]
		if !listed {
			want = salvaged(t, v)
		}
		if lines[i] != want {
			t.Errorf("%s: %q, want %q", v.name, lines[i], want)
		}
	}
}

// ruins reads SALVAGED, as the lines that salvager.py prints.
func ruins(t *testing.T) map[string]string {
	t.Helper()
	list, err := os.ReadFile("SALVAGED")
	check(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(list)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case len(f) != 4:
			t.Fatalf("SALVAGED: %q has %d fields", line, len(f))
		case f[1] == "-":
			all[f[0]] = nothing
		default:
			all[f[0]] = fmt.Sprintf("salvaged: %s bytes, missing %s, sha256 %s", f[1], f[2], f[3])
		}
	}
	if len(all) == 0 {
		t.Fatal("SALVAGED has no vectors")
	}
	return all
}

const nothing = "nothing: no frame is whole"

// largest is the size from which salvager.py takes no digest of an image.
const largest = 64 << 20

// salvaged says of a stream what salvager.py does.
func salvaged(t *testing.T, v *vector) string {
	t.Helper()
	var out remains
	got, err := v.reader(t).Salvage(context.Background(), &out)
	var damage *format.DamageError
	if errors.As(err, &damage) {
		return nothing
	}
	check(t, err)
	var missing []string
	for _, p := range got.Missing {
		missing = append(missing, fmt.Sprintf("%d+%d", p.Offset, p.Length))
	}
	if missing == nil {
		missing = []string{"-"}
	}
	digest := "-"
	if got.Size <= largest {
		out = append(out, make(remains, largest)...)[:got.Size]
		digest = fmt.Sprintf("%x", sha256.Sum256(out))
	}
	return fmt.Sprintf("salvaged: %d bytes, missing %s, sha256 %s", got.Size, strings.Join(missing, ","), digest)
}

// remains is what is left of an image, as far as that is not too large.
type remains []byte

func (r *remains) WriteAt(p []byte, off int64) (int, error) {
	if off > largest {
		return len(p), nil
	}
	if need := int(off) + len(p) - len(*r); need > 0 {
		*r = append(*r, make([]byte, need)...)
	}
	return copy((*r)[off:], p), nil
}

func (r *remains) Zero(off, n int64) error {
	if off < int64(len(*r)) {
		clear((*r)[off:min(off+n, int64(len(*r)))])
	}
	return nil
}
