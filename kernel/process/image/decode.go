// From the front of a file that anybody may have written to an Image.

package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"snappipe/kernel/elfnote"
)

// maxHeader bounds headers and notes: 65530 mappings (the kernel's default
// vm.max_map_count) and ten thousand threads take less.
const maxHeader = 256 << 20

// ErrDamaged is what every error of a file that is not an image wraps.
var ErrDamaged error = damaged{}

type damaged struct{}

func (damaged) Error() string { return "the process image is damaged" }

// Damaged makes it an error of the image, not of its resumption: see
// kernel.Resumption.
func (damaged) Damaged() {}

// errTooLarge is what Encode returns for a process that no image can hold.
var errTooLarge = errors.New("the process is too large for an image")

func damagedf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, a...))
}

func tooLargef(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errTooLarge, fmt.Sprintf(format, a...))
}

// HeaderSize returns how many bytes Decode needs, from the first PrefixSize
// bytes of a file.
func HeaderSize(prefix []byte) (int64, error) {
	phoff, phnum, err := parseEhdr(prefix)
	if err != nil {
		return 0, err
	}
	p := parsePhdr(prefix[phoff:])
	if p.typ != ptNote || p.offset != uint64(phoff+phnum*phdrSize) {
		return 0, damagedf("its notes are not where they belong")
	}
	if p.filesz > maxHeader || p.offset+p.filesz > maxHeader {
		return 0, damagedf("it claims %d bytes of notes", p.filesz)
	}
	return int64(pageUp(p.offset + p.filesz)), nil
}

// Decode reads the front of a file of size bytes. What it returns is
// consistent: every index refers to something, every range lies within the
// file and, but for mappings of the same shared memory, within nothing else.
// Whether a kernel would agree to it is for the kernel to say.
func Decode(header []byte, size int64) (*Image, error) {
	n, err := HeaderSize(header)
	if err != nil {
		return nil, err
	}
	if n > int64(len(header)) || n > size {
		return nil, damagedf("it ends within its notes")
	}
	phoff, phnum, err := parseEhdr(header)
	if err != nil {
		return nil, err
	}
	notes := parsePhdr(header[phoff:])
	img, err := parseNotes(header[notes.offset : notes.offset+notes.filesz])
	if err != nil {
		return nil, err
	}
	if phnum != 1+len(img.VMAs)+len(img.Contents) {
		return nil, damagedf("%d program headers for %d mappings and %d contents", phnum, len(img.VMAs), len(img.Contents))
	}
	if err := img.check(); err != nil {
		return nil, err
	}
	return img, img.checkLayout(header[phoff+phdrSize:phoff+phnum*phdrSize], n, size)
}

// parseNotes makes the Image of the SNAPPIPE note and adds to it what is in
// the others. Threads are in the same order in all of them.
func parseNotes(b []byte) (*Image, error) {
	var img *Image
	var auxv []byte
	type registers struct{ status, xstate []byte }
	var threads []registers

	err := elfnote.Each(b, func(name string, typ uint32, desc []byte) error {
		switch {
		case name == nameCore && typ == ntPRStatus:
			threads = append(threads, registers{status: desc})
		case name == nameLinux && typ == ntX86XState && len(threads) > 0:
			threads[len(threads)-1].xstate = desc
		case name == nameCore && typ == ntAuxv:
			auxv = desc
		case name == nameOwn && typ == ntImage && img == nil:
			img = new(Image)
			return parseOwn(desc, img)
		case name == nameOwn:
			return damagedf("it has an unknown or repeated SNAPPIPE note of type %d", typ)
		}
		return nil
	})
	if errors.Is(err, elfnote.ErrMalformed) {
		return nil, damagedf("%v", err)
	}
	if err != nil {
		return nil, err
	}
	if img == nil {
		return nil, damagedf("it is a core file, but not one of snapcat: it has no SNAPPIPE note")
	}
	if len(threads) != len(img.Threads) {
		return nil, damagedf("registers of %d threads, but %d threads", len(threads), len(img.Threads))
	}
	img.Auxv = bytes.Clone(auxv)
	for i := range img.Threads {
		t := &img.Threads[i]
		tid, regs, err := parsePrstatus(threads[i].status)
		if err != nil {
			return nil, err
		}
		if tid != t.TID {
			return nil, damagedf("registers of thread %d where those of %d belong", tid, t.TID)
		}
		t.Regs, t.XState = regs, bytes.Clone(threads[i].xstate)
	}
	return img, nil
}

func parseOwn(b []byte, img *Image) error {
	var v struct{ Version int }
	if err := json.Unmarshal(b, &v); err != nil {
		return damagedf("its SNAPPIPE note: %v", err)
	}
	if v.Version != Version {
		return damagedf("its SNAPPIPE note has version %d, and this program knows %d", v.Version, Version)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(img); err != nil {
		return damagedf("its SNAPPIPE note: %v", err)
	}
	return nil
}
