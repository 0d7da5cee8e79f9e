// Make writes the golden vectors: small streams, each of which proves one
// thing of a reader, and the list of what is to come of them.
//
//	go run ./tests/vectors/make tests/vectors
//
// It builds them byte by byte from format/SPEC.md, with nothing of the format
// package, so that the two can disagree; and from constants, so that what it
// writes is the same everywhere and always.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// vector is a stream and what it proves. The name says what is to come of it:
// good-, bad-, unsupported-, or what the stream says of itself: refused-,
// failed-.
type vector struct {
	name   string
	reason string // in a word, why it is refused; "" for good ones
	proves string
	build  func(*stream)
}

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	streams := filepath.Join(dir, "streams")
	if err := os.RemoveAll(streams); err != nil {
		return err
	}
	if err := os.MkdirAll(streams, 0o777); err != nil {
		return err
	}
	list := bytes.NewBufferString("# What a reader is to make of each stream; see README.md.\n" +
		"# name\texit\tclass\treason\tsize\tsha256\tdigest\twhat it proves\n")
	salvaged := bytes.NewBufferString("# What is left of each damaged stream; see README.md.\n" +
		"# name\tsize\tmissing\tsha256\n")
	vectors := slices.Concat(good(), badFrames(), badFields(), badOrder(), badFacts(), badCoding(), badSums(), patches(), signatures(), indexes(), failures(), unsupported())
	for _, v := range vectors {
		if _, err := v.write(streams, list); err != nil {
			return err
		}
	}
	for _, r := range ruins() {
		s, err := r.write(streams, list)
		if err != nil {
			return err
		}
		fmt.Fprintln(salvaged, strings.Join(r.left(s), "\t"))
	}
	if err := os.WriteFile(filepath.Join(dir, "SIGNERS"), signers(), 0o666); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "SALVAGED"), salvaged.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "EXPECTED"), list.Bytes(), 0o666)
}

// write writes the stream into dir, and its line to list.
func (v *vector) write(dir string, list io.Writer) (*stream, error) {
	s := newStream()
	v.build(s)
	if _, err := fmt.Fprintln(list, strings.Join(v.expected(s), "\t")); err != nil {
		return nil, err
	}
	return s, os.WriteFile(filepath.Join(dir, v.name+".snap"), s.out, 0o666)
}

// expected is the line of EXPECTED.
func (v *vector) expected(s *stream) []string {
	class, _, _ := strings.Cut(v.name, "-")
	switch {
	case class == "bad":
		return []string{v.name, "3", "damaged", v.reason, "-", "-", "-", v.proves}
	case class == "refused":
		return []string{v.name, "4", "refused", "-", "-", "-", "-", v.proves}
	case class == "failed":
		return []string{v.name, "3", "failed", "-", "-", "-", "-", v.proves}
	case class == "unsupported":
		return []string{v.name, "3", "unsupported", "unsupported", "-", "-", "-", v.proves}
	case s.resumed:
		return []string{v.name, "0", "resumed", "-", "-", "-", "-", v.proves}
	}
	return []string{v.name, "0", "good", "-", fmt.Sprint(len(s.image)), fmt.Sprintf("%x", sha256.Sum256(s.image)),
		fmt.Sprintf("%x", sha256.Sum256([]byte(s.statement()))), v.proves}
}
