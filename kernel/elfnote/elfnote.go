// Package elfnote reads the notes of ELF files: name, type and bytes, one after
// the other; see elf(5).
package elfnote

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by what [Each] says of bytes that are no notes.
var ErrMalformed = errors.New("malformed notes")

// Each calls f for each note of b, until it returns an error.
func Each(b []byte, f func(name string, typ uint32, desc []byte) error) error {
	le := binary.LittleEndian
	for len(b) > 0 {
		if len(b) < 12 {
			return fmt.Errorf("%w: one is cut off", ErrMalformed)
		}
		namesz, descsz, typ := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
		b = b[12:]
		nameEnd := (namesz + 3) &^ 3
		descEnd := nameEnd + (descsz+3)&^3
		if namesz == 0 || descEnd > uint64(len(b)) {
			return fmt.Errorf("%w: one of type %#x is longer than all", ErrMalformed, typ)
		}
		if err := f(string(b[:namesz-1]), typ, b[nameEnd:nameEnd+descsz]); err != nil {
			return err
		}
		b = b[descEnd:]
	}
	return nil
}
