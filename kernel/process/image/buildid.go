// The build ID of a file, by which it is known again when its times are not
// the same any more: it was copied, or installed anew.

package image

import (
	"debug/elf"
	"encoding/hex"
)

// BuildID returns the build ID of the ELF file at path in hex, or "" if it has
// none or is none.
func BuildID(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const maxNotes, ntGNUBuildID = 64 << 10, 3
	id := ""
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > maxNotes {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			continue
		}
		// Notes that don't parse hold no build ID, which is no error here.
		_ = eachNote(b, func(name string, typ uint32, desc []byte) error {
			if name == "GNU" && typ == ntGNUBuildID {
				id = hex.EncodeToString(desc)
			}
			return nil
		})
	}
	return id
}
