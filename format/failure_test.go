// Failures on their way through a stream.

package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"snappipe/format"
)

// refusal is an error of another package that says it is one.
type refusal struct{ object, reason, advice string }

func (r *refusal) Error() string                    { return r.object + ": " + r.reason }
func (r *refusal) Refused() (object, reason string) { return r.object, r.reason }
func (r *refusal) Hint() string                     { return r.advice }

var socket = &refusal{"fd 7", "it is a TCP socket", "--force closes it"}

// failing is a stream that ends, after some of its image, with what was wrong.
func failing(t testing.TB, err error) []byte {
	t.Helper()
	var out bytes.Buffer
	w, newErr := format.NewWriter(&out, testInfo(1000))
	check(t, newErr)
	var f format.Frame
	check(t, f.SetRaw(make([]byte, 100)))
	check(t, w.Write(&f))
	if got := w.Fail(err); got != err {
		t.Fatalf("Fail returns %v", got)
	}
	return out.Bytes()
}

// failed is a stream that never began.
func failed(err error) []byte {
	var out bytes.Buffer
	format.Fail(&out, err)
	return out.Bytes()
}

// asFailure is what every reader makes of such a stream.
func asFailure(t *testing.T, stream []byte) *format.Failure {
	t.Helper()
	var first *format.Failure
	for name, read := range map[string]func() error{
		"Verify":   func() error { return format.Verify(context.Background(), format.NewReader(bytes.NewReader(stream))) },
		"WriteRaw": func() error { _, err := rawOf(format.NewReader(bytes.NewReader(stream)), true); return err },
	} {
		var f *format.Failure
		if err := read(); !errors.As(err, &f) {
			t.Fatalf("%s: %v, which is no Failure", name, err)
		}
		first = f
	}
	return first
}

// What was refused or failed at the head of a pipeline is known at its end, as
// it was said, through whatever filters there are between.
func TestFailurePasses(t *testing.T) {
	for _, c := range []struct {
		err                    error
		refused                bool
		object, reason, advice string
	}{
		{socket, true, "fd 7", "it is a TCP socket", "--force closes it"},
		{fmt.Errorf("snapshot: %w", socket), true, "", "snapshot: fd 7: it is a TCP socket", "--force closes it"},
		{errors.Join(socket, errors.New("and more")), true, "", "fd 7: it is a TCP socket; and more", "--force closes it"},
		{errors.New("input/output error"), false, "", "input/output error", ""},
		{&format.Failure{Refused: true, Reason: "no", Advice: "yes"}, true, "", "no", "yes"},
	} {
		for name, stream := range map[string][]byte{"from the start": failed(c.err), "in mid-stream": failing(t, c.err)} {
			for name, filtered := range map[string][]byte{
				name: stream, name + ", filtered": through(t, stream, false), name + ", summed": through(t, stream, true),
				name + ", summed twice": through(t, through(t, stream, true), true),
			} {
				f := asFailure(t, filtered)
				if f.Refused != c.refused || f.Object != c.object || f.Reason != c.reason || f.Advice != c.advice {
					t.Errorf("%v %s: %+v", c.err, name, f)
				}
				if host, _ := os.Hostname(); f.Program != "format.test" || f.Host != host {
					t.Errorf("%v %s: it is called the failure of %s on %s", c.err, name, f.Program, f.Host)
				}
				if !f.SaidHere() {
					t.Errorf("%v %s: it was said here", c.err, name)
				}
			}
		}
	}
}

// through sends a stream that fails through a filter.
func through(t *testing.T, stream []byte, sum bool) []byte {
	t.Helper()
	var out bytes.Buffer
	filter := format.Editor{Sum: sum}
	err := filter.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream)))
	if f := (*format.Failure)(nil); !errors.As(err, &f) {
		t.Fatalf("a filter says %v of it", err)
	}
	return out.Bytes()
}

// The payload passes as it is, whatever else it holds.
func TestFailureVerbatim(t *testing.T) {
	stream := failing(t, socket)
	if got := through(t, stream, false); !bytes.Equal(got, stream) {
		t.Error("a filter changes it")
	}
	if got := through(t, failed(socket), true); len(got) != len(failed(socket)) {
		t.Error("a filter changes what has no image")
	}
}

// A filter that fails itself, on damage or otherwise, says so in its stream.
func TestFilterFails(t *testing.T) {
	stream := streamOf(t, newMemory(imageOf(3<<20, 1)))
	cut := stream[:len(stream)/2]
	var out bytes.Buffer
	if err := format.Sum(context.Background(), &out, format.NewReader(bytes.NewReader(cut))); !errors.Is(err, format.ErrTruncated) {
		t.Fatal(err)
	}
	if f := asFailure(t, out.Bytes()); f.Refused || !strings.Contains(f.Reason, "truncated") {
		t.Errorf("%+v", f)
	}

	out.Reset()
	broken := errors.New("broken")
	filter := format.Editor{Work: func() format.Work { return func(*format.Frame) error { return broken } }}
	if err := filter.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream))); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if f := asFailure(t, out.Bytes()); f.Reason != "broken" {
		t.Errorf("%+v", f)
	}
}

// What is killed leaves a stream that was cut off.
func TestKilledIsTruncated(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	stream := streamOf(t, newMemory(imageOf(3<<20, 1)))
	var out bytes.Buffer
	filter := format.Editor{Frame: func(w *format.Writer, f *format.Frame) error { cancel(); return w.Write(f) }}
	if err := filter.Run(ctx, &out, format.NewReader(bytes.NewReader(stream))); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	refuses(t, "a stream of a filter that was killed", out.Bytes(), format.ErrTruncated)
}

// Where others were told, the user has still to be.
func TestSaidElsewhere(t *testing.T) {
	r, w, err := os.Pipe()
	check(t, err)
	defer r.Close()
	defer w.Close()
	stderr := os.Stderr
	os.Stderr = w
	stream := failed(socket)
	os.Stderr = stderr
	if asFailure(t, stream).SaidHere() {
		t.Error("it was said elsewhere")
	}
}

// However much there is to say, and in whatever bytes, it fits.
func TestFailureLimits(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 1<<20), strings.Repeat("ü", 1<<20), strings.Repeat("\xffa", 1<<20), "", "\x00\x1b[2J"} {
		long := &refusal{text, text, text}
		f := asFailure(t, failed(long))
		if len(f.Reason) == 0 || len(f.Reason) > 1<<12 || !f.Refused {
			t.Errorf("%d bytes of reason, refused: %v", len(f.Reason), f.Refused)
		}
	}
}
