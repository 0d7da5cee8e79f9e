// Build IDs, by which a program or a kernel is known again whose files have been
// copied, or installed anew.

package elfnote

import (
	"debug/elf"
	"encoding/hex"
)

const ntGNUBuildID = 3 // NT_GNU_BUILD_ID, include/uapi/linux/elf.h

// BuildID returns the build ID that is among notes, in hex, or "". Notes that
// don't parse hold none beyond that, which is no error here.
func BuildID(notes []byte) string {
	id := ""
	_ = Each(notes, func(name string, typ uint32, desc []byte) error {
		if name == "GNU" && typ == ntGNUBuildID && id == "" {
			id = hex.EncodeToString(desc)
		}
		return nil
	})
	return id
}

// BuildIDOf returns the build ID of the ELF file at path, or "" if it has none
// or is none.
func BuildIDOf(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const maxNotes = 64 << 10
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > maxNotes {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			continue
		}
		if id := BuildID(b); id != "" {
			return id
		}
	}
	return ""
}
