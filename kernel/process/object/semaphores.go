// System V semaphores (sysvipc(7)). Nothing in a process tells which it uses; but each
// semaphore remembers who has changed it last. A set is taken if the processes have
// changed one of it, and nobody else who lives has: then it has the values of the
// moment in the image, as memory has. All other sets are the system's, as files are.
//
// What is to be undone when a process ends (SEM_UNDO), no kernel tells: see package
// capture.

package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Commands of semctl(2), include/uapi/linux/sem.h, and what a set may be: SEMMSL and
// SEMVMX there.
const (
	semGetPID, semGetAll, semSetAll = 11, 13, 17
	semInfo, semStatAny             = 19, 20

	mostSemaphores, highestSemaphore = 32000, 32767
)

// semaphoreStat is struct semid64_ds of arch/x86/include/uapi/asm/sembuf.h.
type semaphoreStat struct {
	unix.SysvIpcPerm
	_     [4]int64 // when it was changed, and made
	count uint64
	_     [2]uint64
}

func semaphoresName(id int) string { return fmt.Sprintf("System V semaphores %d", id) }

// Semaphores takes the sets of the processes: in a namespace of their own, all.
func (t *Taker) Semaphores(own bool) error {
	twin := t.root().Twin
	var st semaphoreStat
	return everyIPC(twin, unix.SYS_SEMCTL, semInfo, semStatAny, sys.Bytes(&st), func(id int) error {
		n := int(st.count)
		mine, err := t.areMine(id, n, own)
		if !mine || err != nil {
			return sys.Ignore(err, unix.EACCES, unix.EINVAL, unix.EIDRM) // another user's, or gone
		}
		b := make([]byte, 2*n)
		if twin.Fits(1, len(b)) == 0 {
			return kernel.Refuse(semaphoresName(id), "", "there are too many of them")
		}
		if _, err := ask(twin, b, unix.SYS_SEMCTL, uint64(id), 0, semGetAll); err != nil {
			return fmt.Errorf("%s: reading their values: %w", semaphoresName(id), err)
		}
		s := world.Semaphores{IPC: world.IPC{ID: id, Key: int(st.Key), Mode: st.Mode & permissions, UID: st.Uid, GID: st.Gid}}
		for i := range n {
			s.Values = append(s.Values, binary.NativeEndian.Uint16(b[2*i:]))
		}
		t.w.Semaphores = append(t.w.Semaphores, s)
		return nil
	})
}

// areMine reports whether the processes have changed any of a set last, and nobody else
// who lives has. In a namespace of their own, all are theirs. Elsewhere it is asked from
// here: to who is in a PID namespace, a semaphore that somebody outside has changed looks
// as if nobody had.
func (t *Taker) areMine(id, n int, own bool) (mine bool, err error) {
	if own {
		return true, nil
	}
	for i := range n {
		pid, err := sys.SemaphorePID(id, i)
		switch {
		case err != nil:
			return false, err
		case pid == 0:
		case t.taskOf(pid) >= 0:
			mine = true
		case proc.Exists(pid):
			return false, nil
		}
	}
	return mine, nil
}

// checkSemaphores finds what can't be in an image.
func checkSemaphores(w *world.World) error {
	ids := map[int]bool{}
	for i := range w.Semaphores {
		s := &w.Semaphores[i]
		if err := checkIPC(&s.IPC); err != nil {
			return fmt.Errorf("%w: %s, %w", world.ErrDamaged, semaphoresName(s.ID), err)
		}
		if ids[s.ID] || len(s.Values) == 0 || len(s.Values) > mostSemaphores {
			return fmt.Errorf("%w: %s are there twice, or are %d", world.ErrDamaged, semaphoresName(s.ID), len(s.Values))
		}
		ids[s.ID] = true
		for _, v := range s.Values {
			if v > highestSemaphore {
				return fmt.Errorf("%w: %s, one has the value %d", world.ErrDamaged, semaphoresName(s.ID), v)
			}
		}
	}
	return nil
}

// makeSemaphores makes a set, or finds it still there. It gets its values by
// settleSemaphores.
func (m *Maker) makeSemaphores(s *world.Semaphores) error {
	p, name := m.tasks[0], semaphoresName(s.ID)
	var st semaphoreStat
	err := askProcess(p, name, sys.Bytes(&st), unix.SYS_SEMCTL, uint64(s.ID), 0, unix.IPC_STAT)
	switch {
	case err == nil:
		if st.count != uint64(len(s.Values)) || int(st.Key) != s.Key || st.Uid != s.UID {
			return kernel.Refuse(name, fmt.Sprintf("remove the others: ipcrm -s %d", s.ID), "their ID is taken")
		}
		return m.checkUnused(p, s)
	case errors.Is(err, unix.EACCES):
		return kernel.Refuse(name, "resume it as root once those are removed", "another user has their ID")
	case !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM):
		return err
	}
	get := func() (uint64, error) {
		return p.Call("semget", unix.SYS_SEMGET, uint64(s.Key), uint64(len(s.Values)), unix.IPC_CREAT|unix.IPC_EXCL|uint64(s.Mode|0o600))
	}
	remove := func(id uint64) error {
		_, err := p.Call("semctl", unix.SYS_SEMCTL, id, 0, unix.IPC_RMID, 0)
		return err
	}
	if err := m.makeIPC(p, "sem", name, &s.IPC, get, remove); err != nil {
		return err
	}
	return m.unlessInNamespace(p, func() error {
		return sys.Ignore(sys.RemoveSemaphores(s.ID), unix.EINVAL, unix.EIDRM)
	})
}

// checkUnused refuses a set that somebody else has changed since, and still runs.
func (m *Maker) checkUnused(p Process, s *world.Semaphores) error {
	for i := range s.Values {
		last, err := p.Call("semctl", unix.SYS_SEMCTL, uint64(s.ID), uint64(i), semGetPID, 0)
		if err != nil {
			return err
		}
		own := slices.ContainsFunc(m.world.Tasks, func(t world.Task) bool { return t.PID == int(last) })
		if last != 0 && !own && proc.Exists(int(last)) {
			return kernel.Refuse(semaphoresName(s.ID), "end that first", "%s has changed them since", proc.Title(int(last)))
		}
	}
	return nil
}

// settleSemaphores gives a set its values and whom it belongs to.
func (m *Maker) settleSemaphores(s *world.Semaphores) error {
	p := m.tasks[0]
	var values []byte
	for _, v := range s.Values {
		values = binary.NativeEndian.AppendUint16(values, v)
	}
	if _, err := callWith(p, "semctl", unix.SYS_SEMCTL, 3, values, uint64(s.ID), 0, semSetAll, 0); err != nil {
		return err
	}
	st := semaphoreStat{SysvIpcPerm: unix.SysvIpcPerm{Uid: s.UID, Gid: s.GID, Mode: s.Mode}}
	_, err := callWith(p, "semctl", unix.SYS_SEMCTL, 3, sys.Bytes(&st), uint64(s.ID), 0, unix.IPC_SET, 0)
	return err
}
