// The ELF structures, as elf(5) has them: little-endian, 64 bits.

package world

import "encoding/binary"

const (
	ehdrSize = 64
	phdrSize = 56
	shdrSize = 64
	// PrefixSize is how much of an image HeaderSize must see.
	PrefixSize = ehdrSize + shdrSize + 2*phdrSize

	etCore   = 4
	emX86_64 = 62
	ptLoad   = 1
	ptNote   = 4
	// Of the range of the operating system (PT_LOOS).
	ptContent = 0x6c504e53 // "SNPl"
	ptMembers = 0x6d504e53 // "SNPm"
	pnXnum    = 0xffff
)

var le = binary.LittleEndian

// magic is e_ident: 64-bit, little-endian, version 1, System V.
var magic = [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}

type phdr struct {
	typ, flags           uint32
	offset, vaddr        uint64
	filesz, memsz, align uint64
}

func (p phdr) append(b []byte) []byte {
	b = le.AppendUint32(b, p.typ)
	b = le.AppendUint32(b, p.flags)
	for _, v := range [...]uint64{p.offset, p.vaddr, 0, p.filesz, p.memsz, p.align} {
		b = le.AppendUint64(b, v)
	}
	return b
}

func parsePhdr(b []byte) phdr {
	return phdr{
		typ: le.Uint32(b), flags: le.Uint32(b[4:]),
		offset: le.Uint64(b[8:]), vaddr: le.Uint64(b[16:]),
		filesz: le.Uint64(b[32:]), memsz: le.Uint64(b[40:]), align: le.Uint64(b[48:]),
	}
}

// appendEhdr appends the ELF header of a file with n program headers, and the
// one section header in which elf(5) keeps a number that e_phnum can't hold.
func appendEhdr(b []byte, n int) []byte {
	phnum, shoff, shnum := n, 0, 0
	if n >= pnXnum {
		phnum, shoff, shnum = pnXnum, ehdrSize, 1
	}
	phoff := ehdrSize + shnum*shdrSize

	b = append(b, magic[:]...)
	b = le.AppendUint16(b, etCore)
	b = le.AppendUint16(b, emX86_64)
	b = le.AppendUint32(b, 1) // e_version
	b = le.AppendUint64(b, 0) // e_entry
	b = le.AppendUint64(b, uint64(phoff))
	b = le.AppendUint64(b, uint64(shoff))
	b = le.AppendUint32(b, 0) // e_flags
	for _, v := range [...]int{ehdrSize, phdrSize, phnum, shnum * shdrSize, shnum, 0} {
		b = le.AppendUint16(b, uint16(v))
	}
	if shnum == 0 {
		return b
	}
	shdr := make([]byte, shdrSize)
	le.PutUint32(shdr[44:], uint32(n)) // sh_info
	return append(b, shdr...)
}

// parseEhdr returns where the program headers are, and how many.
func parseEhdr(b []byte) (phoff, phnum int, err error) {
	if len(b) < PrefixSize {
		return 0, 0, damagedf("it ends within its first %d bytes", PrefixSize)
	}
	if [16]byte(b) != magic || le.Uint16(b[16:]) != etCore || le.Uint32(b[20:]) != 1 {
		return 0, 0, damagedf("it is not a 64-bit ELF core file")
	}
	if m := le.Uint16(b[18:]); m != emX86_64 {
		return 0, 0, damagedf("it is for ELF machine %d, not x86-64", m)
	}
	phnum = int(le.Uint16(b[56:]))
	phoff = ehdrSize
	if phnum == pnXnum {
		phnum = int(le.Uint32(b[ehdrSize+44:]))
		phoff += shdrSize
	}
	if le.Uint64(b[32:]) != uint64(phoff) || le.Uint16(b[54:]) != phdrSize {
		return 0, 0, damagedf("its program headers are not where they belong")
	}
	if phnum < 1 || phnum > maxHeader/phdrSize {
		return 0, 0, damagedf("it claims %d program headers", phnum)
	}
	return phoff, phnum, nil
}

// PageUp returns the next multiple of a page, or n if that is one.
func PageUp[T ~int | ~int64 | ~uint64](n T) T { return (n + Page - 1) &^ (Page - 1) }
