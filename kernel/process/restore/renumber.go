// This file is for a process that gets other thread IDs. The C library keeps these: the
// ID of each thread, and in a lock that of the thread that holds it, by which that is
// known when it locks once more, or unlocks. Both have to be the same, or a lock that is
// held will be so for ever.

package restore

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

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
	seen := map[int64]bool{}
	for i := range p.mapped {
		m := &p.mapped[i]
		off, size := m.inImage(p.img)
		for _, e := range p.stored.within(off, size) {
			for _, e := range m.unseen(e, seen) {
				start := uint64(m.Start) + uint64(e.off-off)
				l := lookThrough{&ids, p.stub.mem, uint64(m.Start), uint64(m.End)}
				if m.Shared { // where to read makes pages of holes
					l.least, l.most = start, start+uint64(e.size)
				}
				if err := l.run(start, start+uint64(e.size)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// inImage is where in the image the bytes of a mapping are. What is in a file is also that
// of others, and stays.
func (m *mapping) inImage(img *world.World) (off, size int64) {
	if !m.Shared {
		return m.ImageOffset, m.ImageSize
	}
	if m.File == world.NoIndex || img.Files[m.File].Content == world.NoIndex {
		return 0, 0
	}
	c := &img.Contents[img.Files[m.File].Content]
	return c.Offset + m.Offset, max(0, min(c.Size-m.Offset, int64(m.End-m.Start)))
}

// unseen are the pages of shared memory, by where they are in the image, that were not seen
// in another mapping. An ID is not to be changed twice: the new one may be the old one of
// another thread.
func (m *mapping) unseen(e extent, seen map[int64]bool) (all []extent) {
	if !m.Shared {
		return []extent{e}
	}
	for off := e.off; off < e.end(); {
		next := min(off/world.Page*world.Page+world.Page, e.end())
		if n := len(all); !seen[off] && n > 0 && all[n-1].end() == off {
			all[n-1].size += next - off
		} else if !seen[off] {
			all = append(all, extent{off, next - off})
		}
		seen[off] = true
		off = next
	}
	return all
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
	ids         *newIDs
	mem         *ptrace.Memory
	least, most uint64 // what may be read, for locks that lie across an end
}

// run does so in a range. Pages that the process itself can't read, as those that guard
// others, have none.
func (l *lookThrough) run(start, end uint64) error {
	const piece = 1 << 20
	for at := start; at < end; at += piece {
		next := min(at+piece, end)
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
	const around = 64 // more than the size of a lock
	b := make([]byte, around+end-at+around)
	if err := l.mem.Read(b[around:len(b)-around], at); err != nil {
		return err
	}
	if at >= l.least+around {
		_ = l.mem.Read(b[:around], at-around) // or there is nothing
	}
	if end+around <= l.most {
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
