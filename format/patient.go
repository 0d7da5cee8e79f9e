// Reading from a failing disk.

package format

import (
	"errors"
	"io"
)

// sector is how much of a file is given up where a read of it fails: what a
// disk has in one, or the page cache in a page.
const sector = 4096

// patient reads a file on a failing disk: what cannot be read are zeros.
type patient struct {
	f          io.ReadSeeker
	unreadable int64
	zeros      int // still to be handed out
}

// patiently returns r, as patient where that can be had: nothing can be
// skipped in a pipe.
func patiently(r io.Reader) (io.Reader, *patient) {
	f, ok := r.(io.ReadSeeker)
	if !ok {
		return r, &patient{}
	}
	if _, err := f.Seek(0, io.SeekCurrent); err != nil {
		return r, &patient{}
	}
	p := &patient{f: f}
	return p, p
}

func (p *patient) Read(b []byte) (int, error) {
	if p.zeros == 0 {
		n, err := p.f.Read(b)
		if err == nil || err == io.EOF || n > 0 || !p.passOver() {
			return n, err
		}
	}
	n := min(p.zeros, len(b))
	clear(b[:n])
	p.zeros -= n
	return n, nil
}

// passOver goes on at the next sector, if there is one.
func (p *patient) passOver() bool {
	at, err := p.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	end, endErr := p.f.Seek(0, io.SeekEnd)
	next := min((at/sector+1)*sector, end)
	_, err = p.f.Seek(next, io.SeekStart)
	if errors.Join(err, endErr) != nil || next <= at {
		return false
	}
	p.zeros = int(next - at)
	p.unreadable += next - at
	return true
}
