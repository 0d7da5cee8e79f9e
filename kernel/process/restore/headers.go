// This file collects the headers that an image begins with.

package restore

import (
	"fmt"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/world"
)

// headers are those of an image of size bytes, which comes in order. Where a page
// of theirs is all zeros, only the order tells that it is not still to come.
type headers struct {
	size  int64
	front []byte // so far
}

// take takes as much of p as belongs to the headers, and returns how much
// that was: less than all of it means that they are complete.
func (h *headers) take(p []byte, off int64) (int, error) {
	taken := 0
	if len(h.front) < world.PrefixSize {
		taken = min(len(p), world.PrefixSize-len(h.front))
		if off != int64(len(h.front)) {
			return 0, fmt.Errorf("the first %d bytes of the image are not there", world.PrefixSize)
		}
		h.front = append(h.front, p[:taken]...)
		if len(h.front) < world.PrefixSize {
			return taken, nil
		}
	}
	size, err := world.HeaderSize(h.front)
	if err != nil {
		return taken, err
	}
	if size > h.size {
		return taken, fmt.Errorf("%w: it ends within its headers", world.ErrDamaged)
	}
	at := off + int64(taken)
	if at >= size {
		return taken, nil
	}
	end := min(size, off+int64(len(p)))
	h.front = append(h.front, make([]byte, int(at)-len(h.front))...)
	h.front = append(h.front, p[taken:end-off]...)
	return int(end - off), nil
}

// decode decodes them; all that is missing is zeros.
func (h *headers) decode() (*world.World, error) {
	size, err := world.HeaderSize(h.front)
	if err != nil {
		return nil, err
	}
	h.front = append(h.front, make([]byte, int(size)-len(h.front))...)
	img, err := world.Decode(h.front, h.size)
	if err == nil {
		err = object.Check(img)
	}
	h.front = nil
	return img, err
}
