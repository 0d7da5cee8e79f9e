// An image that is taken back while what it was of runs already.

package kernel

import "context"

// LazyResumer is a Kernel that can let run what an image is of before all of the
// image has been read.
type LazyResumer interface {
	Kernel
	// ResumeLazily is ResumeSnapshot for an image of which any part can be had at
	// any time. What has to be there first has come when it returns. The rest comes
	// when it is needed, and in the end all of it: image has to stay until
	// [Resumed.Wait] returns, also with [Options.Detach]. Where a part cannot be
	// had, what was resumed is ended, and Wait says why.
	ResumeLazily(ctx context.Context, facts Facts, image Source) (Resumption, error)
}

// Source is an image of which any part can be read. It is made up of parts that
// can only be verified as a whole. All methods may be called from several goroutines
// at once.
type Source interface {
	// Size is the length of the image in bytes.
	Size() int64
	// Part returns where the part begins that the byte at off is in, and how many
	// bytes it has.
	Part(off int64) (start, size int64)
	// Parts returns a function for one goroutine. It returns the verified bytes of
	// the part that begins at start, or nil if all of them are zeros; they are valid
	// until its next call.
	Parts() func(start int64) ([]byte, error)
}
