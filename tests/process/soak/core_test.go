// Looking for a torn state in the image of programs/hammer.c, which says what there is
// to find. The image is read once, from a pipe.

package soak

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// As in programs/hammer.c.
const (
	threads = 4
	quarter = 64 << 20
	page    = 4096
)

// core reads an ELF core file from its beginning to its end.
type core struct {
	r     *bufio.Reader
	at    int64
	progs []elf.ProgHeader
}

func newCore(r io.Reader) (*core, error) {
	c := &core{r: bufio.NewReaderSize(r, 1<<20)}
	front, err := c.r.Peek(binary.Size(elf.Header64{}))
	if err != nil {
		return nil, err
	}
	// The headers follow each other, and elf.NewFile is content with them.
	phnum := int(binary.LittleEndian.Uint16(front[56:]))
	phoff := int(binary.LittleEndian.Uint64(front[32:]))
	front, err = c.r.Peek(phoff + phnum*binary.Size(elf.Prog64{}))
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(front))
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		c.progs = append(c.progs, p.ProgHeader)
	}
	return c, nil
}

// seek goes on to where the memory at addr is.
func (c *core) seek(addr uint64) error {
	for _, p := range c.progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr < p.Vaddr+p.Filesz {
			n := int64(p.Off+addr-p.Vaddr) - c.at
			skipped, err := io.CopyN(io.Discard, c.r, n)
			c.at += skipped
			return err
		}
	}
	return fmt.Errorf("no memory at %#x in the image", addr)
}

// read reads memory at addr, which lies behind all that was read before.
func (c *core) read(addr uint64, b []byte) error {
	if err := c.seek(addr); err != nil {
		return err
	}
	n, err := io.ReadFull(c.r, b)
	c.at += int64(n)
	return err
}

func checkCore(r io.Reader, area uint64) error {
	c, err := newCore(r)
	if err != nil {
		return err
	}
	b := make([]byte, quarter)
	for i := range uint64(threads) {
		if err := c.read(area+i*quarter, b); err != nil {
			return err
		}
		if err := checkQuarter(b); err != nil {
			return fmt.Errorf("quarter %d: %w", i, err)
		}
	}
	b = b[:(1+threads)*page]
	if err := c.read(area+threads*quarter, b); err != nil {
		return err
	}
	counter, highest := word(b, 0), uint64(0)
	for i := range threads {
		highest = max(highest, word(b, (1+i)*page))
	}
	if highest > counter || counter-highest > threads {
		return fmt.Errorf("torn: the counter is at %d, the highest note at %d", counter, highest)
	}
	return nil
}

// checkQuarter demands a run of one number, then one of the number before.
func checkQuarter(b []byte) error {
	pass := word(b, 0)
	if pass == 0 {
		return fmt.Errorf("there is nothing")
	}
	fallen := false
	for i := 0; i < len(b); i += 8 {
		switch w := word(b, i); {
		case w == pass && !fallen:
		case w == pass-1:
			fallen = true
		default:
			return fmt.Errorf("torn: word %d is %d, in pass %d", i/8, w, pass)
		}
	}
	return nil
}

func word(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
