// The header of a swap area, and the mark of one that an image depends on.
//
// What was swapped out is part of a saved machine, and stays where it is. So
// nobody may swap to the area before that machine goes on, least of all a boot
// that knows nothing of it. A mark in the header keeps them off: it says that
// there are more bad pages than there can be, for which the kernel does not take
// the area, whatever tool asks it to (read_swap_header in mm/swapfile.c).
//
// Signature, UUID and label stay as they are, so that a boot that waits for the
// area finds it, and is told that it cannot be used. The signature of
// hibernation would be no protection: swapon(8) takes it for a leftover, and
// writes its own over it.
//
// All that is changed lies in one sector, from the version to the end of what the
// header has to spare. A write changes all of it or nothing, also when the power
// fails.

package machine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
)

// The fields of union swap_header (include/linux/swap.h), by their offsets. The
// signature is at the end of the page.
const (
	swapVersion   = 1024
	swapBadPages  = 1032
	swapUUID      = 1036
	swapPadding   = 1068
	swapSignature = "SWAPSPACE2"
)

// The mark, by offsets from swapPadding. It ends before padding[32], which has
// to be zero for libblkid to find the UUID.
const (
	markMagic  = 0  // "SNAPPIPE"
	markID     = 8  // of the image
	markBad    = 24 // nr_badpages, as it was
	markSample = 28 // how much of the area is digested
	markDigest = 32 // SHA-256 of that much, and of the header as it was
	markCRC    = 64 // CRC-32C of the mark
	markSize   = 68
)

// tooManyBad is more than MAX_SWAP_BADPAGES.
const tooManyBad = 0xffffffff

const magicOfMark = "SNAPPIPE"

// imageID tells the images that a mark is for. No two are alike.
type imageID [16]byte

func (id imageID) String() string { return hex.EncodeToString(id[:]) }

// swapHeader is the first page of a swap area.
type swapHeader []byte

// check refuses what is not the header of a swap area.
func (h swapHeader) check() error {
	if string(h[len(h)-len(swapSignature):]) != swapSignature {
		return fmt.Errorf("it is no swap area")
	}
	if v := binary.LittleEndian.Uint32(h[swapVersion:]); v != 1 {
		return fmt.Errorf("its swap header is of version %#x, of which nothing is known", v)
	}
	if _, ok := h.markedFor(); !ok && !bytes.Equal(h.padding(), make([]byte, markSize)) {
		return fmt.Errorf("its swap header has something where it is to be marked")
	}
	return nil
}

func (h swapHeader) uuid() string {
	u := h[swapUUID : swapUUID+16]
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// padding is where the mark is, or would be.
func (h swapHeader) padding() []byte { return h[swapPadding : swapPadding+markSize] }

// markedFor returns which image the area is marked for, if it is for any.
func (h swapHeader) markedFor() (id imageID, ok bool) {
	m := h.padding()
	if string(m[markMagic:markID]) != magicOfMark || crcOf(m) != binary.LittleEndian.Uint32(m[markCRC:]) {
		return id, false
	}
	return imageID(m[markID:markBad]), true
}

func crcOf(mark []byte) uint32 {
	return crc32.Checksum(mark[:markCRC], crc32.MakeTable(crc32.Castagnoli))
}

// mark returns the header marked for an image; sample is what follows it.
func (h swapHeader) mark(id imageID, sample []byte) swapHeader {
	marked := append(swapHeader(nil), h...)
	m := marked.padding()
	clear(m)
	copy(m[markMagic:], magicOfMark)
	copy(m[markID:], id[:])
	copy(m[markBad:], h[swapBadPages:swapBadPages+4])
	binary.LittleEndian.PutUint32(m[markSample:], uint32(len(sample)))
	copy(m[markDigest:], digestOf(h, sample))
	binary.LittleEndian.PutUint32(m[markCRC:], crcOf(m))
	binary.LittleEndian.PutUint32(marked[swapBadPages:], tooManyBad)
	return marked
}

// unmark returns the header as it was before it was marked.
func (h swapHeader) unmark() swapHeader {
	was := append(swapHeader(nil), h...)
	copy(was[swapBadPages:swapBadPages+4], h.padding()[markBad:])
	clear(was.padding())
	return was
}

// sampled is how much follows the header that the mark has a digest of.
func (h swapHeader) sampled() int64 {
	return int64(min(binary.LittleEndian.Uint32(h.padding()[markSample:]), digested))
}

// intact reports whether header and sample are as they were marked.
func (h swapHeader) intact(sample []byte) bool {
	return string(digestOf(h.unmark(), sample)) == string(h.padding()[markDigest:markCRC])
}

func digestOf(h swapHeader, sample []byte) []byte {
	s := sha256.New()
	s.Write(h)
	s.Write(sample)
	return s.Sum(nil)
}

// pageBuffer is memory for so many bytes that direct I/O can use.
func pageBuffer(n int64) ([]byte, func() error, error) {
	page := int64(os.Getpagesize())
	mem, err := mapPrivate(-1, uintptr((n+page-1)/page*page))
	if err != nil {
		return nil, nil, err
	}
	return mem.bytes(n), func() error { return mem.unmap(0) }, nil
}
