// Package kernel is the two calls of the 2007 design, as Go sees them.
//
// Whatever can make a whole snapshot of something by itself, and take one
// back, is a kernel: a live process (kernel/process), this whole machine
// (kernel/machine), a file or block device (kernel/file). A kernel knows
// nothing of how an image is framed, compressed, sent or stored; the only
// thing it hands out is an [Image], and the only thing it takes back is the
// same bytes.
//
// Kernels register themselves by name, like drivers of database/sql, so a
// further one is a package and an import.
package kernel

import (
	"context"
	"io"
	"iter"
	"os"
)

// Kernel is one thing to snapshot or to resume, as named by a target such as
// "process:1234".
type Kernel interface {
	// SnapshotSystem makes an atomic image of the target, which runs on.
	//
	// In a kernel whose snapshot includes the caller (machine), it returns
	// a second time in the resumed system, then with [ErrResumed].
	// A [*Refusal] means that the target was left as it was.
	SnapshotSystem(ctx context.Context) (Image, error)

	// ResumeSnapshot begins to take back an image of size bytes, of which
	// the caller has verified nothing yet but the facts. It checks what can
	// be known from them, so that a wrong image is refused (with a
	// [*Refusal]) before gigabytes have been read. Nothing that cannot be
	// undone happens before [Resumption.Commit].
	ResumeSnapshot(ctx context.Context, facts Facts, size int64) (Resumption, error)
}

// FlatResumer is a Kernel that takes a flat image from where it lies, without
// reading it first.
type FlatResumer interface {
	Kernel
	// ResumeFlat is ResumeSnapshot for the image that f begins with: without
	// facts and without checksums, so only [Options.Force] makes it try. All
	// of the image has come when it returns. f must not be changed but by
	// erasing its first page, nor be closed, before [Resumption.Commit].
	ResumeFlat(ctx context.Context, f *os.File) (Resumption, error)
}

// Image is the flat array of bytes that SnapshotSystem exports. It is
// immutable until Close. All methods but Close may be called from several
// goroutines at once.
//
// An Image may also be a [Mapped] or a [Piper], for readers that can use
// that.
type Image interface {
	// Size is the length of the image in bytes.
	Size() int64
	// Data yields the offset and length, in bytes, of each extent that may
	// hold anything but zeros: in ascending order, not overlapping, none
	// empty. What lies between them reads as zeros.
	Data() iter.Seq2[int64, int64]
	// ReadAt fills p from the image at off, within one extent of Data.
	io.ReaderAt
	// Facts says what a resume has to know before it reads the image.
	Facts() Facts
	// Close gives up the image: unmaps it, or kills the frozen twin.
	Close() error
}

// Mapped is an Image that lies whole in the memory of this process.
type Mapped interface {
	Image
	// Bytes is the image itself, not a copy; valid until Close.
	Bytes() []byte
}

// Piper is an Image whose pages can enter a pipe without being copied.
type Piper interface {
	Image
	// PipeTo puts exactly the n bytes at off, which lie within one extent
	// of Data, into the pipe w, blocking as write(2) would, and returns how
	// many bytes entered it. If the kernel cannot do it for this pipe or
	// these pages, it returns [errors.ErrUnsupported] and may have moved
	// fewer bytes; the caller writes the rest.
	//
	// It is called by one goroutine at a time.
	PipeTo(w *os.File, off, n int64) (int64, error)
}

// Peeker is a Piper whose pages can be looked at on their way into the pipe.
type Peeker interface {
	Piper
	// Peek fills p from the image at off, within one extent of Data, and has PipeTo
	// move the same pages afterwards: those of the last 1 MiB that was peeked at.
	// [errors.ErrUnsupported] means that it can't be done, or not any more; nothing
	// is lost by that, and ReadAt is to be called.
	//
	// It is called by the goroutine that calls PipeTo, in the order of the image.
	Peek(p []byte, off int64) error
}

// Sequential is an Image that is faster read from its beginning to its end.
type Sequential interface {
	Image
	// ReadNext fills p from the image at off, within one extent of Data.
	// [errors.ErrUnsupported] means that it can't be done, or not any more, and ReadAt
	// is to be called.
	//
	// It is called by one goroutine at a time, in the order of the image.
	ReadNext(p []byte, off int64) error
}

// Held is an Image of a system that may hold something still until the image
// is stored.
type Held interface {
	Image
	// Stored is called when there is no more to write, after Close and
	// after the output was closed; ok says whether all went well so far. It
	// waits for those who read the output, and does what [Options] asks for.
	Stored(ok bool) error
}

// Forgetter is a Kernel whose images keep something outside of them from being
// used until they are resumed.
type Forgetter interface {
	Kernel
	// Forget lets be used again what is kept for the image with these facts,
	// which is lost then, and says what that was.
	Forget(facts Facts) (freed []string, err error)
	// ForgetAt does so for what is at path, whichever image it is kept for.
	ForgetAt(path string) error
}

// Resumption is an image on its way back. Until Commit returns, nothing has
// been resumed; after Abort, nothing is left of it. An error that has a method
// Damaged() says that these bytes are no image of the kernel's.
type Resumption interface {
	// WriteAt takes verified bytes of the image. Each byte comes at most
	// once; what never comes is zeros. Calls are made in ascending order
	// unless the Resumption is also [Unordered]. p belongs to the caller
	// again when WriteAt returns.
	io.WriterAt
	// Commit resumes the image, once all of it has come and the end of the
	// stream has been verified. With [Options.Check] it does all that comes
	// before the last step, undoes it, and returns [Rehearsed].
	Commit() (Resumed, error)
	// Abort undoes everything. After a successful Commit it does nothing.
	Abort() error
}

// Unordered is a Resumption whose WriteAt may be called from several
// goroutines at once and in any order.
type Unordered interface {
	Resumption
	// Unordered reports whether that is so yet: the head of an image may have to
	// come first. It stays so, and may be asked from any goroutine.
	Unordered() bool
}

// Resumed is what came back to life.
type Resumed interface {
	// String names it for the user: "pid 1234 (python3)", "file core".
	String() string
	// Wait returns when it has ended, with the exit status to leave with.
	// Where there is nothing to wait for, it returns 0 at once.
	Wait(ctx context.Context) (status int, err error)
}

// Rehearsed is what came back where it was only tried: nothing.
type Rehearsed struct{}

// String says so.
func (Rehearsed) String() string { return "nothing" }

// Wait returns at once.
func (Rehearsed) Wait(context.Context) (int, error) { return 0, nil }

// Fact is one thing that an image says of itself apart from its bytes: a name,
// of lower-case letters, digits and hyphens, and a value.
//
// It is an alias, so that streams carry the facts of kernels although neither
// package knows the other.
type Fact = struct{ Name, Value string }

// Facts are in the order in which they should be shown.
type Facts []Fact

// Get returns the value of the named fact, or "" if there is none.
func (facts Facts) Get(name string) string {
	for _, f := range facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
