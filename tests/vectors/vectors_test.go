// Package vectors_test gives the golden vectors to everything that reads
// streams: the format package, the tools, and the reader in Python.
package vectors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snappipe/format"
)

// vector is a line of EXPECTED, and the stream that it is about.
type vector struct {
	name, class, reason, proves string
	exit                        int
	size                        int64
	sha256, digest              string
	stream                      []byte
}

func (v *vector) path() string { return filepath.Join("streams", v.name+".snap") }

// onlyDecoding reports whether only who decodes the payloads can tell what is
// wrong.
func (v *vector) onlyDecoding() bool {
	return v.reason == "codec" || v.reason == "raw" || v.reason == "patch"
}

// base is the path of the stream that v is the difference to, or "".
func (v *vector) base() string {
	if !strings.Contains(v.name, "-patch-") {
		return ""
	}
	return basePath
}

// basePath is the stream that those called patch are the difference to.
var basePath = filepath.Join("streams", "good-usual-checksums.snap")

// reader reads v, with its base.
func (v *vector) reader(t *testing.T) *format.Reader {
	t.Helper()
	r := format.NewReader(bytes.NewReader(v.stream))
	if path := v.base(); path != "" {
		b, err := os.ReadFile(path)
		check(t, err)
		r.Base, err = format.OpenBase(context.Background(), bytes.NewReader(b), int64(len(b)), nil, false)
		check(t, err)
	}
	return r
}

// expected reads EXPECTED.
func expected(t *testing.T) []*vector {
	t.Helper()
	list, err := os.ReadFile("EXPECTED")
	if err != nil {
		t.Fatal(err)
	}
	var all []*vector
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 8 {
			t.Fatalf("EXPECTED: %q has %d fields", line, len(f))
		}
		v := &vector{name: f[0], class: f[2], reason: f[3], sha256: f[5], digest: f[6], proves: f[7]}
		if v.exit, err = strconv.Atoi(f[1]); err != nil {
			t.Fatal(err)
		}
		if v.class == "good" {
			if v.size, err = strconv.ParseInt(f[4], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if v.stream, err = os.ReadFile(v.path()); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// each runs test on every vector.
func each(t *testing.T, test func(*testing.T, *vector)) {
	for _, v := range expected(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			test(t, v)
			if t.Failed() {
				t.Logf("it proves: %s", v.proves)
			}
		})
	}
}

// What EXPECTED calls the errors of the format package.
var reasons = map[string]error{
	"empty":       format.ErrEmpty,
	"magic":       format.ErrMagic,
	"text-mode":   format.ErrTextMode,
	"truncated":   format.ErrTruncated,
	"header":      format.ErrHeader,
	"payload":     format.ErrPayload,
	"raw":         format.ErrRaw,
	"codec":       format.ErrCodec,
	"field":       format.ErrField,
	"foreign":     format.ErrForeign,
	"sequence":    format.ErrSequence,
	"tiling":      format.ErrTiling,
	"sums":        format.ErrSums,
	"totals":      format.ErrTotals,
	"trailing":    format.ErrTrailing,
	"unsupported": format.ErrUnsupported,
	"patch":       format.ErrPatch,
	"index":       format.ErrIndex,
}

// The list and the streams are those that make writes.
func TestMade(t *testing.T) {
	dir := t.TempDir()
	run(t, "go", "run", "./make", dir)
	for _, pattern := range []string{"EXPECTED", "SALVAGED", "SIGNERS", "streams/*"} {
		made, have := files(t, dir, pattern), files(t, ".", pattern)
		for name, b := range made {
			if !bytes.Equal(have[name], b) {
				t.Errorf("%s is not what make writes", name)
			}
		}
		if len(have) != len(made) {
			t.Errorf("%s: there are %d files, make writes %d", pattern, len(have), len(made))
		}
	}
}

func files(t *testing.T, dir, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = b
	}
	return all
}

// There is at least one vector of each reason that a reader has to refuse a
// stream.
func TestEveryReason(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range expected(t) {
		seen[v.reason] = true
	}
	for reason := range reasons {
		if !seen[reason] {
			t.Errorf("no vector is refused for reason %q", reason)
		}
	}
}

// The format package takes what is good, and refuses everything else with the
// error that says why.
func TestReader(t *testing.T) {
	each(t, func(t *testing.T, v *vector) {
		for _, unordered := range []bool{false, true} {
			r := v.reader(t)
			r.Digest = true
			img, err := decode(r, unordered)
			checkOutcome(t, v, img, err)
			if got := fmt.Sprintf("%x", format.ImageDigest(r.Statement())); v.class == "good" && got != v.digest {
				t.Errorf("the digest is %s, not %s; the statement is\n%s", got, v.digest, r.Statement())
			}
		}
		err := format.Verify(context.Background(), format.NewReader(bytes.NewReader(v.stream)))
		if v.onlyDecoding() {
			if err != nil {
				t.Errorf("Verify looks at what only decoding can tell: %v", err)
			}
			return
		}
		checkError(t, v, err)
	})
}

// On a block device, anything may follow the end frame; all else is as it is
// elsewhere.
func TestReaderOnDevice(t *testing.T) {
	each(t, func(t *testing.T, v *vector) {
		if v.class != "good" && v.reason != "trailing" {
			return // what remains of it might complete the stream
		}
		v.stream = append(v.stream, make([]byte, 1000)...)
		r := v.reader(t)
		r.Device = true
		if _, err := decode(r, true); err != nil {
			t.Error(err)
		}
	})
}

func checkOutcome(t *testing.T, v *vector, img []byte, err error) {
	t.Helper()
	checkError(t, v, err)
	if v.class != "good" || err != nil {
		return
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(img)); int64(len(img)) != v.size || sum != v.sha256 {
		t.Errorf("%d bytes, sha256 %s; want %d, %s", len(img), sum, v.size, v.sha256)
	}
}

func checkError(t *testing.T, v *vector, err error) {
	t.Helper()
	if v.class == "refused" || v.class == "failed" {
		var failure *format.Failure
		if !errors.As(err, &failure) || failure.Refused != (v.class == "refused") {
			t.Errorf("got %v, which does not say that the stream %s", err, v.class)
		}
		return
	}
	want := reasons[v.reason]
	var damage *format.DamageError
	switch {
	case want == nil && err != nil:
		t.Errorf("it is good, but: %v", err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want)
	case want != nil && !errors.As(err, &damage):
		t.Errorf("%v does not say where", err)
	}
}

// decode reads a whole stream, of a size that no hostile one can make large.
func decode(r *format.Reader, unordered bool) ([]byte, error) {
	info, err := r.Info()
	if err != nil {
		return nil, err
	}
	b := make(image, min(info.Size, 1<<24))
	err = r.WriteRaw(context.Background(), b, func() bool { return unordered })
	return b, err
}

type image []byte

func (i image) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(i)) || int64(len(p)) > int64(len(i))-off {
		return 0, errors.New("write beyond the end of the image")
	}
	return copy(i[off:], p), nil
}
