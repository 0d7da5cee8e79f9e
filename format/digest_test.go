// The digest of an image is that of its bytes, however they are cut, coded and
// stored.

package format_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"snappipe/format"
)

// pagesOf is the digest of an image as section 11 of SPEC.md has it.
func pagesOf(b []byte) [32]byte {
	pages := (len(b) + format.PageSize - 1) / format.PageSize
	if pages < 2 {
		return sha256.Sum256(b)
	}
	k := 1
	for 2*k < pages {
		k *= 2
	}
	left, right := pagesOf(b[:k*format.PageSize]), pagesOf(b[k*format.PageSize:])
	return sha256.Sum256(append(left[:], right[:]...))
}

// statementOf reads a whole stream, and what there is to sign of it.
func statementOf(t testing.TB, stream []byte, base *format.Base) []byte {
	t.Helper()
	r := format.NewReader(bytes.NewReader(stream))
	r.Digest = true
	check(t, r.Each(context.Background(), format.CheckWhole(base), nil))
	return r.Statement()
}

func wantStatement(img []byte) string {
	return fmt.Sprintf("snappipe image\nidentity 0123456789abcdef\nsize %d\nfacts %s\npages %x\n",
		len(img), "e58f800e33e416a2d328557be42fa814839e50eaa64ed70b5bbc7263ca09093c", pagesOf(img))
}

// inPieces writes img in frames of any length: data, and zeros where there are some.
func inPieces(t testing.TB, img []byte, rnd *rand.Rand) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(len(img)))
	check(t, err)
	for at := 0; at < len(img); {
		n := min(1+rnd.IntN(3*format.PageSize), len(img)-at)
		f := format.Frame{Offset: int64(at)}
		if part := img[at : at+n]; len(bytes.Trim(part, "\x00")) == 0 {
			check(t, f.SetZero(int64(n)))
		} else {
			check(t, f.SetRaw(part))
		}
		check(t, w.Write(&f))
		at += n
	}
	check(t, w.Close())
	return out.Bytes()
}

func TestDigest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 4095, 4096, 4097, 8192, 3 * 4096, 7*4096 + 5, 1 << 20, 1<<20 + 1, 3<<20 + 12345} {
		img := imageOf(size, uint64(size))
		want := wantStatement(img)
		plain := streamOf(t, newMemory(img))
		for name, stream := range map[string][]byte{
			"plain": plain, "holes": streamOf(t, memory{bytes.NewReader(img), true, img}),
			"checksums": summed(t, plain), "zstd": compressed(t, plain, "zstd"), "cut": inPieces(t, img, rnd),
		} {
			if got := statementOf(t, stream, nil); string(got) != want {
				t.Errorf("%d bytes, %s: the statement is\n%s, not\n%s", size, name, got, want)
			}
		}
	}
}

// An image that is stored as a difference has the digest that it has as a whole,
// for who has the base, and none for others.
func TestDigestPatch(t *testing.T) {
	img := imageOf(1<<20, 3)
	now := later(img, 4)
	base := openBase(t, summed(t, streamOf(t, newMemory(img))))
	stream := diff(t, streamOf(t, newMemory(now)), base, "zstd")
	if got := statementOf(t, stream, base); string(got) != wantStatement(now) {
		t.Errorf("the statement is\n%s, not\n%s", got, wantStatement(now))
	}
	if got := statementOf(t, stream, nil); got != nil {
		t.Errorf("without the base, the statement is\n%s", got)
	}
}

// Zeros by the exabyte cost nobody any time.
func TestDigestZeros(t *testing.T) {
	info := testInfo(0)
	info.Size = 1<<62 + 12345
	var out bytes.Buffer
	w, err := format.NewWriter(&out, info)
	check(t, err)
	for at := int64(0); at < info.Size; {
		f, n := format.Frame{Offset: at}, min(info.Size-at, 1<<60-4095)
		check(t, f.SetZero(n))
		check(t, w.Write(&f))
		at += n
	}
	check(t, w.Close())
	done := make(chan []byte, 1)
	go func() { done <- statementOf(t, out.Bytes(), nil) }()
	select {
	case got := <-done:
		if !strings.Contains(string(got), "\nsize 4611686018427400249\n") {
			t.Errorf("the statement is %s", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("it takes more than a minute")
	}
}

// The order of facts, and what says how the image is stored, are not part of it;
// all else is.
func TestStatementFacts(t *testing.T) {
	of := func(change func(*format.Info)) string {
		info := testInfo(0)
		change(info)
		var out bytes.Buffer
		w, err := format.NewWriter(&out, info)
		check(t, err)
		check(t, w.Close())
		return string(statementOf(t, out.Bytes(), nil))
	}
	want := of(func(*format.Info) {})
	same := of(func(i *format.Info) {
		i.Facts[0], i.Facts[3] = i.Facts[3], i.Facts[0]
		i.Facts.Set(format.FactBaseIdentity, "0123456789abcdef")
		i.Facts.Set(format.FactBaseRoot, strings.Repeat("0a", 32))
	})
	if same != want {
		t.Errorf("the statement is\n%s, not\n%s", same, want)
	}
	for name, change := range map[string]func(*format.Info){
		"a value":    func(i *format.Info) { i.Facts.Set(format.FactHost, "i") },
		"a new fact": func(i *format.Info) { i.Facts.Set("pid", "1") },
		"identity":   func(i *format.Info) { i.ID++ },
	} {
		if of(change) == want {
			t.Errorf("%s: the statement is the same", name)
		}
	}
}

// What SPEC.md says of the image that it shows.
func TestSpecStatement(t *testing.T) {
	b := make([]byte, 8200)
	copy(b, strings.Repeat("A", 4096))
	copy(b[8192:], "snappipe")
	want := statementOf(t, streamOf(t, newMemory(b)), nil)
	doc, err := os.ReadFile("SPEC.md")
	check(t, err)
	if !strings.Contains(string(doc), "\n```\n"+string(want)+"```\n") {
		t.Errorf("the statement in SPEC.md should be\n%s", want)
	}
}

// Signatures are passed on by filters that leave the image what it is, replaced
// by who signs, and left out where another image is made.
func TestSignatures(t *testing.T) {
	img := imageOf(3<<20, 9)
	sign := func(stream []byte, add string) []byte {
		var out bytes.Buffer
		e := format.Editor{Sum: true, Work: format.CheckWhole(nil), Sign: func(statement []byte, old [][]byte) ([][]byte, error) {
			if string(statement) != wantStatement(img) {
				t.Errorf("to sign is\n%s", statement)
			}
			return append(old, []byte(add)), nil
		}}
		check(t, e.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream))))
		return out.Bytes()
	}
	signatures := func(stream []byte) string {
		r := format.NewReader(bytes.NewReader(stream))
		check(t, r.Each(context.Background(), format.CheckWhole(nil), nil))
		return string(bytes.Join(r.Signatures(), []byte(" ")))
	}
	stream := sign(sign(streamOf(t, newMemory(img)), "alice"), "bob")
	for name, s := range map[string][]byte{"signed": stream, "coded anew": summed(t, compressed(t, stream, "lz4"))} {
		if got := signatures(s); got != "alice bob" {
			t.Errorf("%s: the signatures are %q", name, got)
		}
	}
	var out bytes.Buffer
	other := format.Editor{Info: func(i *format.Info) error { i.ID = format.NewID(); return nil }}
	check(t, other.Run(context.Background(), &out, format.NewReader(bytes.NewReader(stream))))
	if got := signatures(out.Bytes()); got != "" {
		t.Errorf("another image has the signatures %q", got)
	}
}

// A Writer, and a Reader, take no more signatures than there may be.
func TestSignaturesBounded(t *testing.T) {
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(0))
	check(t, err)
	var f format.Frame
	check(t, f.SetAncillary(format.TypeSignature, []byte("x")))
	for range 64 {
		check(t, w.Write(&f))
	}
	if w.Write(&f) == nil {
		t.Error("a 65th signature was written")
	}
	check(t, f.SetAncillary(format.TypeSignature, make([]byte, 16<<10+1)))
	if w.Write(&f) == nil {
		t.Error("a signature of more than 16 KiB was written")
	}
}

// FuzzDigest takes the digest of what any stream holds, after some of what is wrong
// with it has been put right: it is that of the image.
func FuzzDigest(f *testing.F) {
	for _, stream := range vectors(f) {
		f.Add(stream, uint8(repairAll))
	}
	f.Fuzz(func(t *testing.T, stream []byte, what uint8) {
		stream = repair(stream, what)
		r := format.NewReader(bytes.NewReader(stream))
		r.Digest = true
		if info, err := r.Info(); err != nil || info.Size > 1<<22 {
			return
		}
		img, err := rawOf(r, false)
		if err != nil {
			return
		}
		if want := fmt.Sprintf("\npages %x\n", pagesOf(img)); r.Statement() != nil && !strings.HasSuffix(string(r.Statement()), want) {
			t.Errorf("the statement is %s, with%s", r.Statement(), want)
		}
	})
}
