// The way back through /dev/snapshot: bytes of the image go to the kernel as
// they come, page by page, and nothing happens before Commit.

package machine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// resumption is an image on its way into the kernel.
type resumption struct {
	fd    int // -1 once it is closed
	size  int64
	at    int64  // how much of the image has come, this page included
	page  []byte // a page that has come in part
	err   error
	check bool // only to be tried
	disks followers

	dieAt step // tests only: where the child dies
}

// openDevice begins to hand an image to /dev/snapshot.
func (m *Machine) openDevice(size int64) (*resumption, error) {
	fd, err := unix.Open(device, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return nil, cannotOpen(errno)
	}
	if err != nil {
		return nil, err
	}
	return &resumption{fd: fd, size: size, page: make([]byte, 0, os.Getpagesize()), dieAt: m.dieAt, check: m.opts.Check, disks: m.following}, nil
}

var zeros [64 << 10]byte

// WriteAt passes on what lies at off, and zeros for what was left out before.
func (r *resumption) WriteAt(p []byte, off int64) (int, error) {
	if err := within(p, off, r.at, r.size); err != nil {
		return 0, err
	}
	if err := r.fill(off); err != nil {
		return 0, err
	}
	if err := r.append(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// fill writes zeros up to off.
func (r *resumption) fill(off int64) error {
	for r.at < off {
		if err := r.append(zeros[:min(off-r.at, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return nil
}

// append hands whole pages to the kernel, which takes one with each call and
// would take less than one for a whole.
func (r *resumption) append(p []byte) error {
	if r.err != nil {
		return r.err
	}
	r.at += int64(len(p))
	for len(p) > 0 {
		page := p
		if len(r.page) > 0 || len(p) < cap(r.page) {
			n := min(len(p), cap(r.page)-len(r.page))
			r.page = append(r.page, p[:n]...)
			if p = p[n:]; len(r.page) < cap(r.page) {
				return nil
			}
			page, r.page = r.page, r.page[:0]
		} else {
			page, p = p[:cap(r.page)], p[cap(r.page):]
		}
		if r.err = r.put(page); r.err != nil {
			return r.err
		}
	}
	return nil
}

func (r *resumption) put(page []byte) error {
	n, err := unix.Write(r.fd, page)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Write(r.fd, page)
	}
	switch {
	case err != nil:
		return notTaken(err, "write the image to "+device, r.size)
	case n != len(page):
		return fmt.Errorf("write the image to %s: %d bytes of a page were taken", device, n)
	}
	return nil
}

// Commit ends this system and continues the one in the image. It returns only
// if that fails; this system goes on then.
func (r *resumption) Commit() (kernel.Resumed, error) {
	if err := r.fill(r.size); err != nil {
		return nil, err
	}
	if r.check {
		return kernel.Rehearsed{}, r.Abort()
	}
	if err := r.disks.turnBack(); err != nil {
		return nil, err
	}
	j, free, err := newJob()
	if err != nil {
		return nil, err
	}
	defer free()
	j.dieAt = r.dieAt
	if err := r.hand(j); err != nil {
		return nil, err
	}
	if j.errno != 0 {
		return nil, j.failure()
	}
	return nil, fmt.Errorf("restore the image: the kernel came back without saying why")
}

// hand gives the device to the child that does the rest. It must be the
// only one who has it before it freezes us, so that its death would close it.
func (r *resumption) hand(j *job) error {
	var gate [2]int
	if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(gate[0])
	j.device, j.gate, j.key = uintptr(r.fd), uintptr(gate[0]), uintptr(gate[1])
	pid, err := fork(taskRestore, unsafe.Pointer(j))
	if err != nil {
		unix.Close(gate[1])
		return err
	}
	// If nothing comes through the gate, the child ends.
	if err = r.Abort(); err == nil {
		_, err = unix.Write(gate[1], []byte{1})
	}
	unix.Close(gate[1])
	if failed := j.wait(pid); err == nil {
		err = failed
	}
	return err
}

// Abort makes the kernel forget the image.
func (r *resumption) Abort() error {
	if r.fd < 0 {
		return nil
	}
	fd := r.fd
	r.fd = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close %s: %w", device, err)
	}
	return nil
}
