// A filter of one's own.

package format_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"snappipe/format"
	"snappipe/format/codec"
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
		filter := format.Editor{
			Info: anotherImage,
			Work: func() format.Work {
				decompress := format.Decompress() // one for each worker
				return func(f *format.Frame) error {
					if err := decompress(f); err != nil || f.Type != format.TypeData {
						return err
					}
					return f.SetRaw(bytes.ReplaceAll(f.Payload(), []byte(secret), mask))
				}
			},
		}
		return filter.Run(context.Background(), w, format.NewReader(r))
	}

	in := example("user=linus password=hunter2 host=h")
	var out bytes.Buffer
	if err := scrub(&out, in, "hunter2"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(read(&out))
	// Output: user=linus password=******* host=h
}

// A filter that changes nothing but how frames are coded, on all cores, is one
// call.
func ExampleFilter() {
	lz4, _ := codec.ByName("lz4")
	work, err := format.Compress(lz4, lz4.DefaultLevel, false)
	if err != nil {
		log.Fatal(err)
	}
	in := example(strings.Repeat("snapshot", 1000))
	var out bytes.Buffer
	if err := format.Filter(context.Background(), &out, format.NewReader(in), work); err != nil {
		log.Fatal(err)
	}

	r := format.NewReader(&out)
	if err := format.Verify(context.Background(), r); err != nil {
		log.Fatal(err)
	}
	totals := r.Totals()
	fmt.Println(totals.DataBytes, "bytes, in less:", totals.StoredBytes < totals.DataBytes)
	// Output: 8000 bytes, in less: true
}

// anotherImage gives an image that is not what it was an identity of its own.
func anotherImage(info *format.Info) error {
	info.ID = format.NewID()
	return nil
}

// A filter may add facts to what an image says of itself, and frames of its
// own, which readers that do not know them pass over.
func ExampleEditor() {
	const typeComment = 0xc001
	comment := format.Editor{
		Info: func(info *format.Info) error {
			info.Facts.Set("comment-by", "linus")
			return nil
		},
		End: func(w *format.Writer) error {
			var f format.Frame
			if err := f.SetAncillary(typeComment, []byte("before the upgrade")); err != nil {
				return err
			}
			return w.Write(&f)
		},
	}
	var out bytes.Buffer
	if err := comment.Run(context.Background(), &out, format.NewReader(example("some image"))); err != nil {
		log.Fatal(err)
	}

	r := format.NewReader(&out)
	info, err := r.Info()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("comment by", info.Fact("comment-by"))
	err = r.Each(context.Background(), nil, func(f *format.Frame) error {
		if f.Type == typeComment {
			fmt.Printf("%s\n", f.Payload())
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// comment by linus
	// before the upgrade
}

// A filter may write other frames than it reads, as long as they stand for the
// image from its beginning to its end: this one cuts an image to its first
// bytes.
func ExampleEditor_head() {
	const size = 4
	head := format.Editor{
		Info: func(info *format.Info) error {
			info.Size = min(info.Size, size)
			return anotherImage(info)
		},
		Work: format.Decompress,
		Frame: func(w *format.Writer, f *format.Frame) error {
			left := size - f.Offset
			switch {
			case left <= 0 && (f.Type == format.TypeData || f.Type == format.TypeZero):
				return nil
			case f.Type == format.TypeData && f.Length > left:
				if err := f.SetRaw(f.Payload()[:left]); err != nil {
					return err
				}
			case f.Type == format.TypeZero && f.Length > left:
				if err := f.SetZero(left); err != nil {
					return err
				}
			}
			return w.Write(f)
		},
	}
	var out bytes.Buffer
	if err := head.Run(context.Background(), &out, format.NewReader(example("some image"))); err != nil {
		log.Fatal(err)
	}
	fmt.Println(read(&out))
	// Output: some
}

// Frames may be merged: this filter makes data frames as long as they may be,
// of which there are fewer, but which need more memory.
func ExampleEditor_merge() {
	var waiting format.Frame
	flush := func(w *format.Writer) error {
		if waiting.Length == 0 {
			return nil
		}
		err := w.Write(&waiting)
		waiting = format.Frame{}
		return err
	}
	merge := format.Editor{
		Work: format.Decompress,
		Frame: func(w *format.Writer, f *format.Frame) error {
			if f.Type != format.TypeData || waiting.Length+f.Length > format.MaxPayload {
				if err := flush(w); err != nil {
					return err
				}
			}
			if f.Type != format.TypeData {
				return w.Write(f)
			}
			if waiting.Length == 0 {
				waiting.Offset = f.Offset
			}
			return waiting.SetRaw(append(waiting.Payload(), f.Payload()...))
		},
		End: flush,
	}
	var out bytes.Buffer
	if err := merge.Run(context.Background(), &out, format.NewReader(exampleFrames("in ", "three ", "frames"))); err != nil {
		log.Fatal(err)
	}
	r := format.NewReader(&out)
	r.Trace = func(f format.FrameInfo) { fmt.Println(f.Number, f.Type, f.Length) }
	if err := format.Verify(context.Background(), r); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 image 15
	// 1 data 15
	// 2 end 15
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

// exampleFrames is the stream of an image in as many data frames as it has
// parts.
func exampleFrames(parts ...string) io.Reader {
	var out bytes.Buffer
	w, err := format.NewWriter(&out, testInfo(len(strings.Join(parts, ""))))
	for _, part := range parts {
		f := format.Frame{Offset: w.At()}
		if err == nil {
			err = f.SetRaw([]byte(part))
		}
		if err == nil {
			err = w.Write(&f)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
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
