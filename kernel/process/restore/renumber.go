// This file is for a process that gets other thread IDs. The C library keeps these: the
// ID of each thread, and in a lock that of the thread that holds it, by which that is
// known when it locks once more, or unlocks. Both have to be the same, or a lock that is
// held will be so for ever.

package restore

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// newIDs are those of threads, by the old ones.
type newIDs struct {
	by          map[uint32]uint32
	least, most uint32 // of the old ones
}

func (n *newIDs) add(old, id int) {
	if len(n.by) == 0 {
		n.by, n.least, n.most = map[uint32]uint32{}, uint32(old), uint32(old)
	}
	n.by[uint32(old)] = uint32(id)
	n.least, n.most = min(n.least, uint32(old)), max(n.most, uint32(old))
}

func (n *newIDs) of(old uint32) (id uint32, ok bool) {
	if old < n.least || old > n.most { // as nearly all numbers are
		return 0, false
	}
	id, ok = n.by[old]
	return id, ok
}

// renumber tells the C library of the new IDs, if it is one that keeps the old ones where
// they are looked for.
func (p *process) renumber() error {
	var ids newIDs
	for _, t := range p.threads {
		changed, err := t.renumber()
		if err != nil {
			return err
		}
		if changed {
			ids.add(t.saved.TID, t.id)
		}
	}
	if len(ids.by) == 0 {
		return nil
	}
	p.stored.sort()
	l := lookThrough{ids: &ids, mem: p.stub.mem}
	for i := range p.mapped {
		m := &p.mapped[i]
		if err := l.mapping(m, m.inImage(p.img), &p.stored); err != nil {
			return err
		}
	}
	return nil
}

// inImage is where in the image the bytes of a mapping are. What is in a file is also that
// of others, and stays.
func (m *mapping) inImage(img *world.World) proc.Run {
	off, size := m.ImageOffset, m.ImageSize
	if m.Shared {
		if m.File == world.NoIndex || img.Files[m.File].Content == world.NoIndex {
			return proc.Run{}
		}
		c := &img.Contents[img.Files[m.File].Content]
		off, size = c.Offset+m.Offset, max(0, min(c.Size-m.Offset, int64(m.End-m.Start)))
	}
	return proc.Run{Start: uint64(off), End: uint64(off + size)}
}

// tidCache is where glibc on x86-64 has a thread's own ID: struct pthread.tid,
// from the thread pointer on, which it also has the kernel clear at the end of
// the thread.
const tidCache = 0x2d0

// renumber does so for one thread, and reports whether it did. It is changed only where it
// is sure to be that.
func (t *thread) renumber() (changed bool, err error) {
	at := uint64(t.saved.ClearTID)
	if t.id == t.saved.TID || at == 0 || at != t.saved.Regs.Fs_base+tidCache {
		return false, nil
	}
	var b [4]byte
	if err := t.stub.mem.Read(b[:], at); err != nil {
		return false, err
	}
	if binary.LittleEndian.Uint32(b[:]) != uint32(t.saved.TID) {
		return false, nil
	}
	binary.LittleEndian.PutUint32(b[:], uint32(t.id))
	return true, t.stub.mem.Write(b[:], at)
}

// lookThrough changes the owners of the locks in memory.
type lookThrough struct {
	ids    *newIDs
	mem    *ptrace.Memory
	whole  proc.Run // what may be read, for locks that lie across an end
	buffer []byte
}

// Memory is looked through in pieces, and with what is around them: more than the size of
// a lock.
const (
	lookPiece  = 1 << 20
	lookAround = 64
)

// mapping does so in what of a mapping has come of the image, where that is at there.
func (l *lookThrough) mapping(m *mapping, there proc.Run, came *stored) error {
	l.whole = proc.Run{Start: uint64(m.Start), End: uint64(m.End)}
	by := l.whole.Start - there.Start
	for _, r := range came.within(there) {
		r = proc.Run{Start: r.Start + by, End: r.End + by}
		if m.Shared { // where to read makes pages of holes
			l.whole = r
		}
		if err := l.run(r); err != nil {
			return err
		}
	}
	if m.Shared {
		// Another mapping may have it too, and no ID is to be changed twice: the new one
		// may be the old one of another thread.
		came.forget(there)
	}
	return nil
}

// run does so in a range. Pages that the process itself can't read, as those that guard
// others, have none.
func (l *lookThrough) run(r proc.Run) error {
	for at := r.Start; at < r.End; at += lookPiece {
		next := min(at+lookPiece, r.End)
		err := l.piece(at, next)
		if errors.Is(err, unix.EIO) {
			err = l.pages(at, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lookThrough) pages(at, end uint64) error {
	for at < end {
		next := min((at+world.Page)&^(world.Page-1), end)
		if err := l.piece(at, next); err != nil && !errors.Is(err, unix.EIO) {
			return err
		}
		at = next
	}
	return nil
}

func (l *lookThrough) piece(at, end uint64) error {
	const around = lookAround
	if l.buffer == nil {
		l.buffer = make([]byte, around+lookPiece+around)
	}
	b := l.buffer[:around+end-at+around]
	clear(b[:around])
	clear(b[len(b)-around:])
	if err := l.mem.Read(b[around:len(b)-around], at); err != nil {
		return err
	}
	if at >= l.whole.Start+around {
		_ = l.mem.Read(b[:around], at-around) // or there is nothing
	}
	if end+around <= l.whole.End {
		_ = l.mem.Read(b[len(b)-around:], end)
	}
	for i := around; i+4 <= len(b)-around; i += 8 {
		word := binary.LittleEndian.Uint32(b[i:])
		id, known := l.ids.of(word & futexID)
		if !known || !isOwner(lockWords{b, i}) {
			continue
		}
		var owner [4]byte
		binary.LittleEndian.PutUint32(owner[:], word&^futexID|id)
		if err := l.mem.Write(owner[:], at+uint64(i-around)); err != nil {
			return err
		}
	}
	return nil
}
