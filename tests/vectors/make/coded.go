// What other programs have coded.

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

const (
	none = 0
	zstd = 1
	s2   = 2
	lz4  = 3
	xz   = 4
	gzip = 5
)

// text is what `yes 'snapshot_system resume_snapshot' | head -c 600` prints.
var text = bytes.Repeat([]byte("snapshot_system resume_snapshot\n"), 19)[:600]

// The text, coded by the codecs' own tools.
var coded = [...][]byte{
	none: text,
	// zstd 1.5.4: zstd -19 --no-check text
	zstd: unhex("28b52ffd605801150100c0736e617073686f745f73797374656d20726573756d655f0a02003586aaa212b309"),
	// github.com/klauspost/compress 1.20.3: s2.EncodeBest
	s2: unhex("d80458736e617073686f745f73797374656d20726573756d655f1117000a112019002c01"),
	// lz4 1.9.4: lz4 -9 text, and of that the one block
	lz4: unhex("f408736e617073686f745f73797374656d20726573756d655f17001f0a2000ffff2250756d655f73"),
	// xz 5.4.1: xz --format=raw --lzma2=preset=9,dict=4KiB text
	xz: unhex("e0025700245d00399b88481ed85da62521b874d2761a5f91b3b922a6587d17ab2bab78e549e057a8b4e80000"),
	// gzip 1.12: gzip -9n < text
	gzip: unhex("1f8b08000000000002032bce4b2c28cec82f892fae2c2e49cd55284a2d2ecd4d8d2f860a73158fca8fca93210f000ab8820258020000"),
}

var codecNames = [...]string{"none", "zstd", "s2", "lz4", "xz", "gzip"}

var (
	// zstd -3 --check < text: a content checksum, and no content size.
	zstdChecked = unhex("28b52ffd0458250100c0736e617073686f745f73797374656d20726573756d655f0a03002d86aac0426e256613c50c3040")
	// gzip -9 text: with the file's name and time.
	gzipNamed = unhex("1f8b080840943046020374002bce4b2c28cec82f892fae2c2e49cd55284a2d2ecd4d8d2f860a73158fca8fca93210f000ab8820258020000")
	// xz -9 --check=none text: an .xz file.
	xzFile = unhex("fd377a585a000000ff12d941020021011c00000010cf58cce0025700245d00399b88481ed85da62521b874d2761a5f91b3b922a6587d17ab2bab78e549e057a8b4e80000000138d804000000d2f29b1da8000afc020000000000595a")
	// xz --format=raw --lzma2=preset=9,dict=4MiB of 3 MiB of the letter A: two chunks.
	xzLetters = unhex("ffff11016c5d0020effbbffea3b15ee5f83fb2aa2655f868704170150f8dfd1e4c1b8a42b719f4691871ae66238a8a4d2fa30dd97fa6e38c231153e05918c5758ae277f8b6947f0c6ac0de744964e2e95c53b204d8f7440cab5f0d6d46e9e5c37688b79657acb64de1691d6ffb4b88106c42cb883f5c008fd04eaf262894711f3d8f24e1709ea7235fec28cb85d195988a7e2a91f22775f719c006984d98fdd8afd5900fc42553f8f591363105a5b0ee6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522b74cd1e5b2042f9dd533df82964093b80cb2a6cdfb53bf0c4bd2e5faa0f3e4b664290130eff1093f8717859f80bcdff9528460fa9fc7cdefb9a302e56c08f85f38381c065c42553f8f591363105a5b0ee6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522b74cd1e5b2042f9dd533df82964093b80cb2a6cdfb53bf0c4bc4827e6589000ed009900ec7353a7fdbeae7c311a9fb78d316e709ea7235fec28cb85d195988a7e2a91f22775f719c006984d98fdd8afd5900fc42553f8f591363105a5b0ee6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522b74cd1e5b2042f9dd533df82964093b80cb2a6cdfb53bf0c4bd2e5faa0f3e4b664290130eff1093f8717859f80bccb0e2d9000000")
)

const lettersSize = 3 << 20

func letters(n int) []byte { return bytes.Repeat([]byte("A"), n) }

func unhex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err) // the constants above
	}
	return b
}

// zstdLetters is a Zstandard frame of n letters A, in blocks of one repeated
// byte, after a header without the magic.
func zstdLetters(head []byte, n int) []byte {
	const maxBlock = 128 << 10
	b := append([]byte{0x28, 0xB5, 0x2F, 0xFD}, head...)
	for n > 0 {
		size := min(n, maxBlock)
		n -= size
		block := uint32(size)<<3 | 1<<1
		if n == 0 {
			block |= 1
		}
		b = append(b, byte(block), byte(block>>8), byte(block>>16), 'A')
	}
	return b
}

// zstdWindow is a frame header that asks for a window of 2^log bytes.
func zstdWindow(log int) []byte { return []byte{0, byte(log-10) << 3} }

// gzipLetters is a gzip member of 1+258*n letters A, in one block of fixed
// codes: a literal, and n matches of the greatest length at distance 1.
func gzipLetters(n int) []byte {
	var bits bitWriter
	bits.put(0b011, 3)     // last block, fixed codes
	bits.code(0x30+'A', 8) // literal
	for range n {
		bits.code(0b11000101, 8) // length 258
		bits.code(0, 5)          // distance 1
	}
	bits.code(0, 7) // end of the block
	b := append([]byte{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255}, bits.bytes()...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(letters(1+258*n)))
	return binary.LittleEndian.AppendUint32(b, uint32(1+258*n))
}

// bitWriter fills bytes from their low ends, as RFC 1951 does.
type bitWriter struct {
	out   []byte
	acc   uint32
	count int
}

func (w *bitWriter) put(v uint32, n int) {
	w.acc |= v << w.count
	for w.count += n; w.count >= 8; w.count -= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
}

// code puts a Huffman code, which begins with its high bit.
func (w *bitWriter) code(v uint32, n int) {
	for n--; n >= 0; n-- {
		w.put(v>>n&1, 1)
	}
}

func (w *bitWriter) bytes() []byte {
	if w.count > 0 {
		return append(w.out, byte(w.acc))
	}
	return w.out
}

// lz4Letters is an LZ4 block of 1+19+255*n+5 letters A: one literal, a match at
// distance 1 with n further bytes of length, five literals.
func lz4Letters(n int) []byte {
	b := append([]byte{0x1F, 'A', 1, 0}, bytes.Repeat([]byte{255}, n)...)
	return append(b, 0, 0x50, 'A', 'A', 'A', 'A', 'A')
}

func s2Block(n uint64, elements ...string) []byte {
	return append(binary.AppendUvarint(nil, n), strings.Join(elements, "")...)
}

const s2RepeatsSize = 4 + 4 + 4 + 8 + 17 + 300 + 65545

var s2Repeats = s2Block(s2RepeatsSize,
	"\x0Csnap",             // literal
	"\x01\x04",             // 4 bytes from 4 back
	"\x01\x00",             // 4 bytes from there again
	"\x11\x00",             // 8
	"\x15\x00\x09",         // 9 + 8
	"\x19\x00\x28\x00",     // 40 + 260
	"\x1D\x00\x05\x00\x00", // 5 + 65540
)

var s2Copies = s2Block(4+11+62+64+61,
	"\x0Csnap",             // literal
	"\x1D\x04",             // 11 bytes from 4 back
	"\xF6\x04\x00",         // 62 bytes from 4 back
	"\xFF\x08\x00\x00\x00", // 64 bytes from 8 back
	"\xF0\x3C", string(text[:61]),
)
