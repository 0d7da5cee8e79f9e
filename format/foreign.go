// What stands where a stream should begin is told by its first bytes, as
// file(1) does it: so that whoever hands over the wrong file, or forgot a step
// before this one, learns which.

package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ForeignError says what a Reader was given in place of a stream. It is an
// [ErrMagic].
type ForeignError struct {
	What   string // "zstd-compressed data"
	Advice string // how to come to a stream from there, or ""
}

func (e *ForeignError) Error() string { return "this is " + e.What + ", not a snapshot stream" }

// Hint is the advice.
func (e *ForeignError) Hint() string { return e.Advice }

// Unwrap makes it an ErrMagic.
func (e *ForeignError) Unwrap() error { return ErrMagic }

// sniffed is how much of the input is looked at: the magic of a tar archive
// lies behind the first file's name and attributes.
const sniffed = 512

// foreign is what has a magic of its own, at byte at.
var foreign = []struct {
	at                  int
	magic, what, advice string
}{
	{0, "\x28\xb5\x2f\xfd", "zstd-compressed data", through("zstd -d", "decompresses")},
	{0, "\x1f\x8b", "gzip-compressed data", through("gzip -d", "decompresses")},
	{0, "\xfd7zXZ\x00", "xz-compressed data", through("xz -d", "decompresses")},
	{0, "\x5d\x00\x00", "lzma-compressed data", through("xz -d", "decompresses")},
	{0, "\x04\x22\x4d\x18", "lz4-compressed data", through("lz4 -d", "decompresses")},
	{0, "\x02\x21\x4c\x18", "lz4-compressed data", through("lz4 -d", "decompresses")},
	{0, "BZh", "bzip2-compressed data", through("bzip2 -d", "decompresses")},
	{0, "LZIP", "lzip-compressed data", through("lzip -d", "decompresses")},
	{0, "\xff\x06\x00\x00S2sTwO", "S2-compressed data", through("s2d -c -", "decompresses")},
	{0, "\xff\x06\x00\x00sNaPpY", "Snappy-compressed data", through("s2d -c -", "decompresses")},
	{0, "PK\x03\x04", "a zip archive", "unzip -p takes out what is in it"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", "7z e -so takes out what is in it"},
	{257, "ustar", "a tar archive", "tar -xO takes out what is in it"},
	{0, "age-encryption.org/", "encrypted by age", through("age -d", "decrypts")},
	{0, "-----BEGIN AGE ENCRYPTED FILE-----", "encrypted by age", through("age -d", "decrypts")},
	{0, "-----BEGIN PGP MESSAGE-----", "encrypted by OpenPGP", through("gpg -d", "decrypts")},
	{0, "\x8c\x0d\x04", "encrypted by OpenPGP", through("gpg -d", "decrypts")},     // with a passphrase
	{0, "\x85\x01\x0c\x03", "encrypted by OpenPGP", through("gpg -d", "decrypts")}, // to a key of 2048 bits,
	{0, "\x85\x02\x0c\x03", "encrypted by OpenPGP", through("gpg -d", "decrypts")}, // of 4096,
	{0, "\x84\x5e\x03", "encrypted by OpenPGP", through("gpg -d", "decrypts")},     // or of Curve25519
	{0, "Salted__", "encrypted by openssl", "openssl enc -d decrypts it"},
	{0, "LUKS\xba\xbe", "an encrypted volume", "cryptsetup open makes a device of it"},
	{0, "-----BEGIN ", "a PEM file", ""},
	{0, "iVNOUA0KGgo", "a stream in base64", through("base64 -d", "decodes")},
	{0, "QFI\xfb", "a disk image of QEMU", "qemu-img convert -O raw makes a flat image of it, and snapcat file:PATH a stream of that"},
	{0, "Linux\x00", "the flat image of a machine", "snapresume --raw --to machine resumes it"}, // swsusp_info: kernel/power/power.h
}

// through is advice to put a filter in front.
func through(command, does string) string {
	return fmt.Sprintf("%s %s it: put %q in front", command, does, command+" |")
}

// notStream says what b is, with which an input begins.
func notStream(b []byte) error {
	if err := garbled(b); err != nil {
		return err
	}
	for _, f := range foreign {
		if len(b) > f.at && strings.HasPrefix(string(b[f.at:]), f.magic) {
			return &ForeignError{f.what, f.advice}
		}
	}
	switch {
	case strings.HasPrefix(string(b), "\x7fELF"):
		return elf(b)
	case len(b) >= HeaderSize && len(bytes.Trim(b, "\x00")) == 0:
		return &ForeignError{"a run of zeros", "nothing was written here yet, or snapresume --once has erased the image's beginning"}
	case isText(b):
		return &ForeignError{fmt.Sprintf("text (%q)", beginning(b)), ""}
	}
	return fmt.Errorf("%w: this is not a snapshot stream", ErrMagic)
}

// garbled tells the ways apart in which a transfer that takes a stream for
// text damages the magic. It returns nil where it was none of them.
func garbled(b []byte) error {
	for _, t := range []string{
		"\x89SNP\n", "\x89SNP\r\r", "\x89SNP\r\n\x1a\r", // line ends converted
		"\tSNP",                    // the top bit stripped
		"\xc2\x89SNP", "\ufffdSNP", // taken for Latin-1, or for broken UTF-8
	} {
		if strings.HasPrefix(string(b), t) {
			return fmt.Errorf("%w (%w)", ErrTextMode, ErrMagic)
		}
	}
	// Whatever the first byte was taken for, the three letters come after it,
	// and after a byte order mark.
	begins := string(b[:min(len(b), 12)])
	for _, utf := range []struct{ name, mark, letters string }{
		{"UTF-8", "\xef\xbb\xbf", "SNP"},
		{"UTF-16", "\xff\xfe", "S\x00N\x00P\x00"},
		{"UTF-16", "\xfe\xff", "\x00S\x00N\x00P"},
	} {
		if strings.HasPrefix(begins, utf.mark) && strings.Contains(begins, utf.letters) {
			return fmt.Errorf("%w, which made %s of it, as PowerShell does (%w)", ErrTextMode, utf.name, ErrMagic)
		}
	}
	return nil
}

// elf tells a core file, which a flat image of a process is, from a program.
func elf(b []byte) error {
	const bigEndian, core = 2, 4 // EI_DATA at 5, e_type at 16: elf(5)
	var order binary.ByteOrder = binary.LittleEndian
	if len(b) > 5 && b[5] == bigEndian {
		order = binary.BigEndian
	}
	if len(b) < 18 || order.Uint16(b[16:]) != core {
		return &ForeignError{"an ELF file", ""}
	}
	return &ForeignError{"an ELF core file", "if snapcat --raw process:PID wrote it: snapcat file:PATH | snapresume --to process"}
}

// isText reports whether b is text in UTF-8, as far as it goes.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n < 2 {
			return !utf8.FullRune(b) // b stops within a rune
		}
		if !unicode.IsPrint(r) && !strings.ContainsRune("\t\n\v\f\r\x1b", r) {
			return false
		}
		b = b[n:]
	}
	return true
}

// beginning is what to show of a text.
func beginning(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	const shown = 40
	if runes := []rune(string(line)); len(runes) > shown {
		return string(runes[:shown]) + "..."
	}
	return strings.TrimRight(string(line), "\r")
}
