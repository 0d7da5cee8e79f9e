package format_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"snappipe/format"
)

// A filter of one's own, whole: it takes a password out of an image on its
// way, so that the image can be given to somebody who debugs the program.
//
//	snapcat process:1234 | snapscrub | snapcompress | snapverify > img
//
// (Whatever lies across the border of two frames is not found here.)
func Example_filter() {
	scrub := func(w io.Writer, r io.Reader, secret string) error {
		mask := bytes.Repeat([]byte("*"), len(secret))
		return format.Filter(context.Background(), w, format.NewReader(r), func() format.Work {
			decompress := format.Decompress() // one for each worker
			return func(f *format.Frame) error {
				if err := decompress(f); err != nil || f.Type != format.TypeData {
					return err
				}
				return f.SetRaw(bytes.ReplaceAll(f.Payload(), []byte(secret), mask))
			}
		})
	}

	in := example("user=linus password=hunter2 host=h")
	var out bytes.Buffer
	if err := scrub(&out, in, "hunter2"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(read(&out))
	// Output: user=linus password=******* host=h
}

// A stream is made of anything that is an Image.
func ExampleWriter_WriteImage() {
	image := newMemory([]byte("any array of bytes"))
	w, err := format.NewWriter(os.Stdout, testInfo(len(image.data)))
	if err != nil {
		log.Fatal(err)
	}
	if err := w.WriteImage(context.Background(), image); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
}

// What an image is can be told before any of it has been read.
func ExampleReader_Info() {
	info, err := format.NewReader(example("some image")).Info()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes of kernel %s, from %s\n", info.Size, info.Fact(format.FactKernel), info.Fact(format.FactHost))
	// Output: 10 bytes of kernel file, from h
}

func example(image string) io.Reader {
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(len(image)))
	if err != nil {
		log.Fatal(err)
	}
	if err := w.WriteImage(context.Background(), newMemory([]byte(image))); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return &out
}

func read(r io.Reader) string {
	raw, err := rawOf(format.NewReader(r), false)
	if err != nil {
		log.Fatal(err)
	}
	return string(raw)
}
