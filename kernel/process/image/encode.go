// From an Image to the front of the file, and the place of all that follows.

package image

import "golang.org/x/sys/unix"

// Encode returns the front of the file, a whole number of pages, and the size
// of the file. Behind it lie the VMAs and then the contents, each on a page
// boundary. ImageSize of each VMA has to be set; Encode sets ImageOffset, and
// Offset of each Content.
func Encode(img *Image) (header []byte, size int64, err error) {
	img.Version = Version
	notes, err := appendNotes(nil, img)
	if err != nil {
		return nil, 0, err
	}
	headers := headersSize(img)
	end := pageUp(int64(headers + len(notes)))
	if end > maxHeader {
		return nil, 0, tooLargef("%d bytes of headers and notes", end)
	}
	size = place(img, end)

	header = make([]byte, 0, end)
	header = appendEhdr(header, 1+len(img.VMAs)+len(img.Contents))
	header = phdr{typ: ptNote, offset: uint64(headers), filesz: uint64(len(notes)), align: 4}.append(header)
	for i := range img.VMAs {
		header = load(&img.VMAs[i]).append(header)
	}
	for _, c := range img.Contents {
		header = phdr{typ: ptContent, offset: uint64(c.Offset), filesz: uint64(c.Size), align: Page}.append(header)
	}
	header = append(header, notes...)
	return header[:end], size, nil
}

func headersSize(img *Image) int {
	n := 1 + len(img.VMAs) + len(img.Contents)
	size := ehdrSize + n*phdrSize
	if n >= pnXnum {
		size += shdrSize
	}
	return size
}

// place gives everything its offset, from off on, and returns where it ends.
func place(img *Image, off int64) int64 {
	for i := range img.VMAs {
		v := &img.VMAs[i]
		// Also of what is not stored: debuggers look there for the header of
		// a mapped program, and at 0 would find the image's own.
		v.ImageOffset = off
		if contentOf(img, v) == nil {
			off += pageUp(v.ImageSize)
		}
	}
	for i := range img.Contents {
		img.Contents[i].Offset = off
		off += pageUp(img.Contents[i].Size)
	}
	for i := range img.VMAs {
		v := &img.VMAs[i]
		if c := contentOf(img, v); c != nil {
			v.ImageOffset, v.ImageSize = withinContent(v, c)
		}
	}
	return off
}

// contentOf returns the Content that holds the memory of v, or nil: two
// mappings of the same shared memory are the same bytes of the image.
func contentOf(img *Image, v *VMA) *Content {
	if !v.Shared || v.File == NoIndex || img.Files[v.File].Content == NoIndex {
		return nil
	}
	return &img.Contents[img.Files[v.File].Content]
}

// withinContent is the part of c that v maps; nothing, if all of it lies
// beyond the end.
func withinContent(v *VMA, c *Content) (offset, size int64) {
	size = min(int64(v.End-v.Start), pageUp(c.Size)-v.Offset)
	if size <= 0 {
		return c.Offset, 0
	}
	return c.Offset + v.Offset, size
}

func load(v *VMA) phdr {
	var flags uint32 // PF_X 1, PF_W 2, PF_R 4
	for _, f := range [...][2]int{{unix.PROT_READ, 4}, {unix.PROT_WRITE, 2}, {unix.PROT_EXEC, 1}} {
		if v.Prot&f[0] != 0 {
			flags |= uint32(f[1])
		}
	}
	return phdr{
		typ: ptLoad, flags: flags, align: Page,
		offset: uint64(v.ImageOffset), vaddr: uint64(v.Start),
		filesz: uint64(v.ImageSize), memsz: uint64(v.End - v.Start),
	}
}
