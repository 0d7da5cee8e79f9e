// This file is for a process that gets other thread IDs. The C library keeps these: the
// ID of each thread, and in a lock that of the thread that holds it, by which that is
// known when it locks once more, or unlocks. Both have to be the same, or a lock that is
// held will be so for ever.

package restore

import (
	"encoding/binary"

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
	seen := map[page]bool{}
	for i := range p.mapped {
		m := &p.mapped[i]
		for _, r := range m.ofImage(p.img) {
			for _, r := range m.unseen(r, seen) {
				if err := ids.inLocks(p.stub.mem, m.VMA, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// page is one of shared memory, by the index of its file.
type page struct {
	file  int
	index int64
}

// unseen is what of a range was not seen in another mapping. An ID is not to be changed
// twice: the new one may be the old one of another thread.
func (m *mapping) unseen(r world.Run, seen map[page]bool) (all []world.Run) {
	if !m.Shared {
		return []world.Run{r}
	}
	for at := r.Start; at < r.End; at += world.Page {
		which := page{m.File, (m.Offset + int64(at-m.Start)) / world.Page}
		if seen[which] {
			continue
		}
		seen[which] = true
		if n := len(all); n > 0 && all[n-1].End == at {
			all[n-1].End = min(at+world.Page, r.End)
		} else {
			all = append(all, world.Run{Start: at, End: min(at+world.Page, r.End)})
		}
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

// ofImage are the ranges of a mapping whose bytes are from the image. What is in a file is
// also that of others, and stays.
func (m *mapping) ofImage(img *world.World) []world.Run {
	if !m.Shared {
		return m.filled
	}
	if m.File == world.NoIndex || img.Files[m.File].Content == world.NoIndex {
		return nil
	}
	size := world.Hex(max(0, img.Contents[img.Files[m.File].Content].Size-m.Offset))
	return []world.Run{{Start: m.Start, End: min(m.End, m.Start+size)}}
}

// inLocks changes the owners of the locks in a range of a mapping.
func (n *newIDs) inLocks(mem *ptrace.Memory, m *world.VMA, r world.Run) error {
	const piece, around = 1 << 20, 64 // more than the size of a lock
	buffer := make([]byte, piece+2*around)
	for at := r.Start; at < r.End; at += piece {
		from, end := max(m.Start, at-around), min(r.End, at+piece)
		b := buffer[:min(m.End, end+around)-from]
		if err := mem.Read(b, uint64(from)); err != nil {
			return err
		}
		for i := int(at - from); i < int(end-from); i += 8 {
			word := binary.LittleEndian.Uint32(b[i:])
			id, known := n.of(word & futexID)
			if !known || !isOwner(lockWords{b, i}) {
				continue
			}
			var owner [4]byte
			binary.LittleEndian.PutUint32(owner[:], word&^futexID|id)
			if err := mem.Write(owner[:], uint64(from)+uint64(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
