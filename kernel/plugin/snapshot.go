// The first call: the program writes the image to a file without a name.

package plugin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/file"
)

// image is what the program wrote, when it had ended.
type image struct {
	f     *os.File
	name  string
	size  int64
	mtime time.Time
	facts kernel.Facts
}

// SnapshotSystem has the program make the image.
func (p *program) SnapshotSystem(ctx context.Context) (kernel.Image, error) {
	f, err := nameless()
	if err != nil {
		return nil, err
	}
	a, err := p.run(ctx, step{verb: "snapshot", out: f, alone: true})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &image{f, p.name, st.Size(), st.ModTime(), a.facts}, nil
}

// nameless makes the file that an image lies in meanwhile. Nobody else can open
// it, and where the file system has files without a name, no death leaves it
// behind.
func nameless() (*os.File, error) {
	const what = "room for the image, in TMPDIR or else /tmp: %w"
	fd, err := file.OpenNameless(os.TempDir(), unix.O_RDWR)
	if err == nil {
		return os.NewFile(uintptr(fd), "the image"), nil
	}
	if err != unix.EOPNOTSUPP {
		return nil, fmt.Errorf(what, err)
	}
	f, err := os.CreateTemp("", "snapkernel-")
	if err != nil {
		return nil, fmt.Errorf(what, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (i *image) Size() int64                             { return i.size }
func (i *image) Data() iter.Seq2[int64, int64]           { return file.Stored(i.f, i.size) }
func (i *image) Facts() kernel.Facts                     { return i.facts }
func (i *image) ReadAt(p []byte, off int64) (int, error) { return i.f.ReadAt(p, off) }

// Close fails if somebody whom the program left behind went on writing.
func (i *image) Close() error {
	st, err := i.f.Stat()
	if err := errors.Join(err, i.f.Close()); err != nil {
		return err
	}
	if st.Size() != i.size || !st.ModTime().Equal(i.mtime) {
		return fmt.Errorf("%s snapshot: the image changed after it had ended", i.name)
	}
	return nil
}
