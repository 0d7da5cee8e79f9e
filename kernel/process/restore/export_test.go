// What the tests reach into.

package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// Steps is how many steps there are to fail at.
const Steps = int(steps)

// Released is the step after which they are let go.
const Released = int(stepRelease)

// FailAt has f called after every step, whose error is that of the step.
func FailAt(f func(step int) error) { afterStep = func(s step) error { return f(int(s)) } }

// WhenLetGo has f called whenever a process was let go.
func WhenLetGo(f func()) { letGo = f }

// WhenIdentified has f called when the IDs of a tree were found to be free.
func WhenIdentified(f func()) { identified = f }

// Skeleton is a tree of empty processes.
type Skeleton struct{ t *tree }

// NewSkeleton makes one, with pseudo-terminals.
func NewSkeleton(tasks []world.Task, o kernel.Options, ptys ...*world.Pty) (*Skeleton, error) {
	w := &world.World{Tasks: tasks, Spaces: make([]world.Space, len(tasks)), Tables: make([]world.Table, len(tasks))}
	for i := range tasks {
		if !tasks[i].Dead() {
			tasks[i].Space, tasks[i].Table = i, i
		}
	}
	w.Files = []world.File{{Path: "/dev/ptmx", Mode: unix.S_IFCHR, Rdev: world.Hex(unix.Mkdev(5, 2))}}
	for _, p := range ptys {
		w.Open = append(w.Open, world.OpenFile{Kind: world.KindPty, Pty: p})
	}
	t := newTree(w, o)
	s := &Skeleton{t}
	err := t.tracer.Do(func() error {
		for _, step := range []func() error{t.checkBirths, t.startApart, t.makeAll} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends all of it.
func (s *Skeleton) Close() error { return s.t.abort() }

// PID is how this process knows one of them.
func (s *Skeleton) PID(id int) int {
	m := s.t.byID[id]
	if m.zombie != 0 {
		return m.zombie
	}
	return m.stub.pid
}

// Namespaced reports whether they have a namespace of their own.
func (s *Skeleton) Namespaced() bool { return s.t.root.pids != nil }

// Waitid is what waitid(2), in one of them, says of a child that has ended, and
// PENDING which signals wait for it.
func (s *Skeleton) Waitid(parent, child int) (text string, err error) {
	err = s.t.tracer.Do(func() error {
		stub := s.t.byID[parent].stub
		const flags = unix.WEXITED | unix.WNOWAIT | unix.WNOHANG | unix.WALL
		at, err := stub.lay(make([]byte, 128))
		if err == nil {
			_, err = stub.call("waitid", unix.SYS_WAITID, unix.P_PID, uint64(child), at[0], flags, 0)
		}
		info := make([]byte, 128)
		if err == nil {
			err = stub.mem.Read(info, at[0])
		}
		if err != nil {
			return err
		}
		number := func(at int) int { return int(int32(binary.LittleEndian.Uint32(info[at:]))) }
		const code, pid, uid, status = 8, 16, 20, 24
		text = fmt.Sprintf("code %d pid %d uid %d status %d", number(code), number(pid), number(uid), number(status))
		return nil
	})
	return text, err
}

// Hand gives each of the living a descriptor, by the channel, and returns what
// /proc says that it is there.
func (s *Skeleton) Hand(fd int, look func(pid, n int) error) error {
	return s.t.tracer.Do(func() error {
		for _, m := range slices.Backward(s.t.members) {
			if m.stub == nil {
				continue
			}
			if err := m.stub.lend(fd, func(n uint64) error { return look(m.stub.pid, int(n)) }); err != nil {
				return err
			}
		}
		return nil
	})
}
