// System V shared memory (sysvipc(7)) that is mapped. Nothing is open: a segment has an
// ID, which programs keep and hand on, and most often a key, and lives until somebody
// removes it or the machine stops. What is in it comes from the image, also where it
// is still there on resuming with nobody using it: it belonged to processes that are
// gone.
//
// An ID can be chosen (proc_sys_kernel(5): shm_next_id) by who may take checkpoints:
// by root, or in an IPC namespace of the program's own. As all that has to do with
// such a namespace, the calls are made in the name of a process.

package object

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// segmentDev stands for the device of such inodes. It is that of all memory that is
// shared, but their numbers are others.
const segmentDev = ^uint64(0)

// withAll is advice where somebody else has what can't be there twice.
const withAll = "take a process that all who have it descend from"

func segmentName(id int) string { return fmt.Sprintf("System V shared memory %d", id) }

// segment adds a segment that is mapped.
func (t *Taker) segment(k *Task, m *proc.Map) (int, error) {
	return t.addSegment(k.Twin, int(m.Ino), m.Path)
}

// addSegment adds a segment. What there is to know of it is asked by a twin, which is
// in its namespace.
func (t *Taker) addSegment(twin Twin, id int, path string) (int, error) {
	f := world.File{
		Path: world.Text(path), Deleted: true, Mode: unix.S_IFREG, Ino: uint64(id),
		Content: world.NoIndex, Segment: &world.Segment{IPC: world.IPC{ID: id}},
	}
	if twin != nil {
		if err := t.statSegment(twin, &f); err != nil {
			return 0, err
		}
	}
	key := inode{segmentDev, uint64(id)}
	t.byKey[key] = len(t.w.Files)
	t.w.Files = append(t.w.Files, f)
	t.inodes = append(t.inodes, inodeInfo{key: key})
	return len(t.w.Files) - 1, nil
}

// Loose adds the segments that nobody has mapped at the moment, but the processes have
// made or used last, and returns their indices in World.Files. With a namespace of
// their own, all are theirs.
func (t *Taker) Loose(own bool) (added []int, err error) {
	const shmInfo, shmStatAny = 14, 15 // include/uapi/linux/shm.h
	twin := t.root().Twin
	var st unix.SysvShmDesc
	var ids []int
	err = everyIPC(twin, unix.SYS_SHMCTL, shmInfo, shmStatAny, sys.Bytes(&st), func(id int) error {
		switch {
		case st.Nattch > 0:
		case own:
			ids = append(ids, id)
		case t.isInner(int(st.Cpid)) || t.isInner(int(st.Lpid)):
			others, err := isOthers(twin, id, &st)
			if err != nil {
				return err
			}
			if !others {
				ids = append(ids, id)
			}
		}
		return nil
	})
	for _, id := range ids {
		if err != nil {
			break
		}
		var i int
		i, err = t.addSegment(twin, id, "/SYSV00000000")
		added = append(added, i)
	}
	return added, err
}

// isOthers reports whether a process can neither read a segment nor give itself the right
// to. Then it was made by who had the ID of the process before.
func isOthers(twin Twin, id int, st *unix.SysvShmDesc) (bool, error) {
	var unused unix.SysvShmDesc
	_, err := ask(twin, sys.Bytes(&unused), unix.SYS_SHMCTL, uint64(id), unix.IPC_STAT)
	if !errors.Is(err, unix.EACCES) {
		return false, nil // if it failed otherwise, so it will when the segment is taken
	}
	status, err := proc.ReadStatus(twin.ID())
	if err != nil {
		return false, err
	}
	uids := status.Numbers("Uid") // real, effective, saved, of the file system
	isTheirs := slices.ContainsFunc(uids, func(uid int) bool { return uid == 0 || uid == int(st.Perm.Uid) || uid == int(st.Perm.Cuid) })
	return !isTheirs, nil
}

// statSegment fills in what shmctl(2) says.
func (t *Taker) statSegment(twin Twin, f *world.File) error {
	s := f.Segment
	var st unix.SysvShmDesc
	_, err := ask(twin, sys.Bytes(&st), unix.SYS_SHMCTL, uint64(s.ID), unix.IPC_STAT)
	if errors.Is(err, unix.EACCES) {
		return kernel.Refuse(segmentName(s.ID), "take it as root", "its mode lets this user not read it")
	}
	if err != nil {
		return fmt.Errorf("%s: asking about it: %w", segmentName(s.ID), err)
	}
	p := &st.Perm
	s.Key, s.UID, s.GID, s.Mode = int(p.Key), p.Uid, p.Gid, p.Mode&permissions
	s.Removed, s.Locked = p.Mode&shmDest != 0, p.Mode&shmLocked != 0
	f.Size, f.UID, f.GID = int64(st.Segsz), p.Uid, p.Gid
	t.attached[s.ID] = int(st.Nattch)
	return nil
}

// Bits of the mode of a segment: include/linux/shm.h.
const (
	permissions = 0o777
	shmDest     = 0o1000
	shmLocked   = 0o2000
)

// HasSegments reports whether any is mapped.
func (t *Taker) HasSegments() bool { return len(t.attached) > 0 }

// CheckAttached refuses segments that others have mapped too, whom this user may not
// be able to see: those that are taken have so many mappings of each, and no more.
func (t *Taker) CheckAttached(mappings map[int]int) error {
	for id, n := range t.attached {
		if n > mappings[id] {
			return kernel.Refuse(segmentName(id), withAll, "another process has it mapped too")
		}
	}
	return nil
}

// NotWhole refuses a segment of which this user can't read all: who may not take
// checkpoints can read what is mapped.
func (h *Held) NotWhole() error {
	return kernel.Refuse(segmentName(h.Segment.ID), "take it as root", "a part of it is not mapped, and this user can't read that")
}

// checkSegments finds what can't be in an image.
func checkSegments(w *world.World) error {
	ids := map[int]bool{}
	for i := range w.Files {
		f := &w.Files[i]
		if f.Segment == nil {
			continue
		}
		s := f.Segment
		if err := checkIPC(&s.IPC); err != nil {
			return fmt.Errorf("%w: %s, %w", world.ErrDamaged, segmentName(s.ID), err)
		}
		if ids[s.ID] || f.Content == world.NoIndex || f.Size <= 0 || w.Contents[f.Content].Size != world.PageUp(f.Size) {
			return fmt.Errorf("%w: %s is there twice, or not all of it", world.ErrDamaged, segmentName(s.ID))
		}
		ids[s.ID] = true
	}
	for i := range w.Open {
		if o := &w.Open[i]; o.File != world.NoIndex && w.Files[o.File].Segment != nil {
			return fmt.Errorf("%w: open file %d is System V shared memory", world.ErrDamaged, i)
		}
	}
	for i := range w.Spaces {
		for j := range w.Spaces[i].VMAs {
			v := &w.Spaces[i].VMAs[j]
			if v.File == world.NoIndex || w.Files[v.File].Segment == nil {
				continue
			}
			if !v.Shared || v.Offset+int64(v.End-v.Start) > world.PageUp(w.Files[v.File].Size) {
				return fmt.Errorf("%w: mapping %x is not of its System V shared memory", world.ErrDamaged, v.Start)
			}
		}
	}
	return nil
}

// MakeIPC makes segments and semaphores, or finds them where they were with nobody using
// them. They hold nothing yet.
func (m *Maker) MakeIPC() error {
	for i := range m.world.Files {
		f := &m.world.Files[i]
		if f.Segment == nil {
			continue
		}
		if err := m.makeSegment(f); err != nil {
			return err
		}
	}
	for i := range m.world.Semaphores {
		if err := m.makeSemaphores(&m.world.Semaphores[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Maker) makeSegment(f *world.File) error {
	s, p := f.Segment, m.tasks[0]
	name := segmentName(s.ID)
	var st unix.SysvShmDesc
	err := askProcess(p, name, sys.Bytes(&st), unix.SYS_SHMCTL, uint64(s.ID), unix.IPC_STAT)
	switch {
	case err == nil:
		if st.Nattch > 0 || st.Segsz != uint64(f.Size) || int(st.Perm.Key) != s.Key || st.Perm.Uid != s.UID || s.Removed {
			return kernel.Refuse(name, fmt.Sprintf("end who has it, see ipcs(1), or remove it: ipcrm -m %d", s.ID), "its ID is taken")
		}
		return nil
	case errors.Is(err, unix.EACCES):
		return kernel.Refuse(name, "resume it as root once that one is removed", "another user has its ID")
	case !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM):
		return err
	}
	get := func() (uint64, error) {
		// Who is to fill it has to be able to write to it.
		return p.Call("shmget", unix.SYS_SHMGET, uint64(s.Key), uint64(f.Size), unix.IPC_CREAT|unix.IPC_EXCL|uint64(s.Mode|0o600))
	}
	remove := func(id uint64) error {
		_, err := p.Call("shmctl", unix.SYS_SHMCTL, id, unix.IPC_RMID, 0)
		return err
	}
	if err := m.makeIPC(p, "shm", name, &s.IPC, get, remove); err != nil {
		return err
	}
	return m.unlessInNamespace(p, func() error {
		_, err := unix.SysvShmCtl(s.ID, unix.IPC_RMID, nil)
		return sys.Ignore(err, unix.EINVAL, unix.EIDRM)
	})
}

// SettleIPC fills the segments, when all have them mapped, and sets semaphores, and
// gives them to whom they belong.
func (m *Maker) SettleIPC() error {
	for i := range m.world.Files {
		f := &m.world.Files[i]
		if f.Segment == nil {
			continue
		}
		if err := m.settleSegment(f); err != nil {
			return fmt.Errorf("%s: %w", segmentName(f.Segment.ID), err)
		}
	}
	for i := range m.world.Semaphores {
		if err := m.settleSemaphores(&m.world.Semaphores[i]); err != nil {
			return fmt.Errorf("%s: %w", semaphoresName(m.world.Semaphores[i].ID), err)
		}
	}
	return nil
}

func (m *Maker) settleSegment(f *world.File) error {
	s, p := f.Segment, m.tasks[0]
	at, err := p.Call("shmat", unix.SYS_SHMAT, uint64(s.ID), 0, 0)
	if err != nil {
		return err
	}
	if err := m.fillSegment(p, f, at); err != nil {
		return err
	}
	if _, err := p.Call("shmdt", unix.SYS_SHMDT, at); err != nil {
		return err
	}
	d := unix.SysvShmDesc{Perm: unix.SysvIpcPerm{Uid: s.UID, Gid: s.GID, Mode: s.Mode}}
	_, err = callWith(p, "shmctl", unix.SYS_SHMCTL, 2, sys.Bytes(&d), uint64(s.ID), unix.IPC_SET, 0)
	if err != nil {
		return err
	}
	if s.Locked {
		const shmLock = 11 // include/uapi/linux/shm.h
		_, err := p.Call("shmctl", unix.SYS_SHMCTL, uint64(s.ID), shmLock, 0)
		if errors.Is(err, unix.ENOMEM) {
			err = unix.EPERM // RLIMIT_MEMLOCK
		}
		if err = m.Tolerate(segmentName(s.ID)+" is locked", err); err != nil {
			return err
		}
	}
	if s.Removed {
		_, err = p.Call("shmctl", unix.SYS_SHMCTL, uint64(s.ID), unix.IPC_RMID, 0)
	}
	return err
}

// fillSegment copies what it holds. Where it was there before, it may hold anything.
func (m *Maker) fillSegment(p Process, f *world.File, at uint64) error {
	from := m.contents[f.Content]
	b := make([]byte, 1<<20)
	for off := int64(0); off < f.Size; off += int64(len(b)) {
		b = b[:min(int64(len(b)), f.Size-off)]
		if _, err := from.ReadAt(b, off); err != nil {
			return err
		}
		if err := p.Write(b, at+uint64(off)); err != nil {
			return err
		}
	}
	return nil
}
