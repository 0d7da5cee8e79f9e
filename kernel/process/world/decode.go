// From the front of a file that anybody may have written to a World.

package world

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
	notes, err := parseNotesHeader(prefix, phoff, phnum)
	if err != nil {
		return 0, err
	}
	end := PageUp(notes.offset + notes.filesz)
	members := parsePhdr(prefix[phoff+phdrSize:])
	if phnum < firstLoad || members.typ != ptMembers || members.offset != end || members.filesz%Page != 0 {
		return 0, damagedf("the headers of its other processes are not where they belong")
	}
	if members.filesz > maxHeader-end {
		return 0, damagedf("it claims %d bytes of headers", members.filesz)
	}
	return int64(end + members.filesz), nil
}

// parseNotesHeader returns the first program header of a core.
func parseNotesHeader(core []byte, phoff, phnum int) (phdr, error) {
	p := parsePhdr(core[phoff:])
	if p.typ != ptNote || p.offset != uint64(phoff+phnum*phdrSize) {
		return p, damagedf("its notes are not where they belong")
	}
	if p.filesz > maxHeader || p.offset+p.filesz > maxHeader {
		return p, damagedf("it claims %d bytes of notes", p.filesz)
	}
	return p, nil
}

// Decode reads the front of a file of size bytes. What it returns is
// consistent: every index refers to something, every range lies within the
// file and, but for mappings of the same shared memory, within nothing else. (What
// is particular to a kind of open file, package object checks.) Whether a kernel would agree to it is for the kernel to say.
func Decode(header []byte, size int64) (*World, error) {
	n, err := HeaderSize(header)
	if err != nil {
		return nil, err
	}
	if n > int64(len(header)) || n > size {
		return nil, damagedf("it ends within its headers")
	}
	root, err := parseCore(header[:n])
	if err != nil {
		return nil, err
	}
	w, err := root.parseWorld()
	if err != nil {
		return nil, err
	}
	if err := w.checkTasks(); err != nil {
		return nil, err
	}
	cores, err := w.parseCores(root, header[:n])
	if err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w, w.checkLayout(cores, n, size)
}

// parsed is the header of one process, as it is found.
type parsed struct {
	task  *Task
	start int64
	size  int64
	phdrs []byte
	notes []byte
}

// parseCore takes apart the header that b begins with.
func parseCore(b []byte) (p parsed, err error) {
	phoff, phnum, err := parseEhdr(b)
	if err != nil {
		return p, err
	}
	if phoff+phnum*phdrSize > len(b) {
		return p, damagedf("it ends within its program headers")
	}
	notes, err := parseNotesHeader(b, phoff, phnum)
	if err != nil {
		return p, err
	}
	end := notes.offset + notes.filesz
	if end > uint64(len(b)) {
		return p, damagedf("it ends within its notes")
	}
	return parsed{
		size:  int64(PageUp(end)),
		phdrs: b[phoff+phdrSize : phoff+phnum*phdrSize],
		notes: b[notes.offset:end],
	}, nil
}

// parseCores takes apart the headers of all tasks, which follow each other, and
// takes from them what is nowhere else.
func (w *World) parseCores(root parsed, header []byte) (all []parsed, err error) {
	var at int64
	for i := range w.Tasks {
		t := &w.Tasks[i]
		if t.Dead() {
			continue
		}
		p := root
		if i > 0 {
			if p, err = parseCore(header[at:]); err != nil {
				return nil, err
			}
		}
		if i == 0 {
			p.phdrs = p.phdrs[phdrSize*(firstLoad-1):]
		}
		p.task, p.start, t.Core = t, at, at
		if at += p.size; at > int64(len(header)) {
			return nil, damagedf("it ends within the header of process %d", t.PID)
		}
		if err := p.parseThreads(&w.Spaces[t.Space]); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if at != int64(len(header)) {
		return nil, damagedf("its headers have %d bytes, not %d", len(header), at)
	}
	return all, nil
}

// parseWorld reads the SNAPPIPE note.
func (p *parsed) parseWorld() (w *World, err error) {
	err = p.eachNote(func(name string, typ uint32, desc []byte) error {
		switch {
		case name == nameOwn && typ == ntImage && w == nil:
			w = new(World)
			return parseOwn(desc, w)
		case name == nameOwn:
			return damagedf("it has an unknown or repeated SNAPPIPE note of type %d", typ)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, damagedf("it is a core file, but not one of snapcat: it has no SNAPPIPE note")
	}
	return w, nil
}

func (p *parsed) eachNote(visit func(name string, typ uint32, desc []byte) error) error {
	err := elfnote.Each(p.notes, visit)
	if errors.Is(err, elfnote.ErrMalformed) {
		return damagedf("%v", err)
	}
	return err
}

// parseThreads adds what is in the usual notes of a core file. Threads are in the
// same order there.
func (p *parsed) parseThreads(space *Space) error {
	type registers struct{ status, xstate []byte }
	var threads []registers
	err := p.eachNote(func(name string, typ uint32, desc []byte) error {
		switch {
		case name == nameCore && typ == ntPRStatus:
			threads = append(threads, registers{status: desc})
		case name == nameLinux && typ == ntX86XState && len(threads) > 0:
			threads[len(threads)-1].xstate = desc
		case name == nameCore && typ == ntAuxv:
			space.Auxv = bytes.Clone(desc)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(threads) != len(p.task.Threads) {
		return damagedf("registers of %d threads, but %d threads", len(threads), len(p.task.Threads))
	}
	for i := range threads {
		t := &p.task.Threads[i]
		tid, regs, err := parsePrstatus(threads[i].status)
		if err != nil {
			return err
		}
		if tid != t.TID {
			return damagedf("registers of thread %d where those of %d belong", tid, t.TID)
		}
		t.Regs, t.XState = regs, bytes.Clone(threads[i].xstate)
	}
	return nil
}

func parseOwn(b []byte, w *World) error {
	var v struct{ Version int }
	if err := json.Unmarshal(b, &v); err != nil {
		return damagedf("its SNAPPIPE note: %v", err)
	}
	if v.Version != Version {
		return damagedf("its SNAPPIPE note has version %d, and this program knows %d", v.Version, Version)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(w); err != nil {
		return damagedf("its SNAPPIPE note: %v", err)
	}
	return nil
}
