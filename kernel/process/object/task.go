// A process whose open files are taken, and one of its descriptors.

package object

import (
	"errors"
	"fmt"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"

	"golang.org/x/sys/unix"
)

// Task is a process, as far as its open files have to do with it. Its exported
// fields are the caller's.
type Task struct {
	PID   int
	Title func() string // for people: "process 123 (sleep)"
	Stat  proc.Stat
	// InnerID returns the ID that a thread has in the process's own PID namespace.
	InnerID func(tid int) int
	// InnerGroup returns the ID that its process group has there.
	InnerGroup func() int
	// Paths are those of its mappings, as they were before it was stopped.
	Paths []string
	// Shares is the first of those that have one table of descriptors with it, by
	// CLONE_FILES of clone(2), or nil: that is looked at once, as that one's.
	Shares *Task
	// Twin is there once the process was made to fork.
	Twin Twin

	nth int // of all, and the index of its table in World.Tables
	// inFlight is set for what is no process of the program: see flight.go.
	inFlight bool
	dir      *proc.FDs
	pidfd    int
	// found are the descriptors; plain those of them that Begin left alone.
	found, plain []*Found
	glances      map[int]glance // of the twin at plain, by descriptor
	// By descriptor: the index in World.Open, and the inode as in proc.FDInfo.
	index map[int]int
	inode map[int]uint64
}

// Twin is the clone of a process that stays as that was: it has the same files
// open, and makes calls.
type Twin interface {
	ID() int // of the process
	Call(nr uintptr, args ...uint64) (uint64, error)
	// Run makes several calls, which store so many bytes.
	Run(calls []ptrace.Call, stored int) (ptrace.Answer, error)
	// Fits is how many times so many calls, which store so many bytes, can be run
	// at once.
	Fits(calls, stored int) int
	// Stores is where what so many calls store begins, and Arguments where the
	// arguments of the first lie.
	Stores(calls int) uint64
	Arguments() uint64
}

func (k *Task) begin() (err error) {
	if k.pidfd, err = unix.PidfdOpen(k.PID, 0); err != nil {
		k.pidfd = -1
		return fmt.Errorf("%s: %w", k.Title(), err)
	}
	if k.dir, err = proc.OpenFDs(k.PID); err != nil {
		return fmt.Errorf("%s: %w", k.Title(), err)
	}
	return nil
}

// forget is for another look.
func (k *Task) forget() {
	k.found, k.plain, k.glances = nil, nil, nil
	k.index, k.inode = map[int]int{}, map[int]uint64{}
}

func (k *Task) end() error {
	if k.dir != nil {
		k.dir.Close()
		k.dir = nil
	}
	if k.pidfd <= 0 {
		return nil
	}
	fd := k.pidfd
	k.pidfd = -1
	return unix.Close(fd)
}

// ErrOthers says that other descriptors are open than there were.
var ErrOthers = errors.New("other descriptors are open by now")

// refuse is a refusal because of the process as a whole.
func (k *Task) refuse(advice, reason string, a ...any) error {
	return kernel.Refuse(k.Title(), advice, reason, a...)
}

// list returns the descriptors. If there are as many as there were, they are taken
// for the same, which it shows if they are not. To be told all of them takes
// longer.
func (k *Task) list(earlier []*Found) ([]int, error) {
	if len(earlier) == 0 || k.dir.Count() != len(earlier) {
		return k.dir.List()
	}
	fds := make([]int, len(earlier))
	for i, o := range earlier {
		fds[i] = o.fd
	}
	return fds, nil
}

// Descriptors is how many were found.
func (k *Task) Descriptors() int { return len(k.found) }

// ref is a descriptor of a process.
type ref struct {
	task *Task
	fd   int
}

// opened is the index in World.Open of what it leads to.
func (r ref) opened() (int, bool) {
	i, ok := r.task.index[r.fd]
	return i, ok
}

// isRoots reports whether it is one of the first process.
func (r ref) isRoots() bool { return r.task.nth == 0 }

func (r ref) isOpen() bool {
	_, ok := r.opened()
	return ok
}

// earlier returns the first of two, by process and number.
func (r ref) earlier(s ref) ref {
	if r.task.nth < s.task.nth || r.task == s.task && r.fd < s.fd {
		return r
	}
	return s
}

// object names it in a refusal.
func (r ref) object(what string) string {
	if r.task.inFlight {
		return what + " that was sent and not yet received"
	}
	if r.isRoots() {
		return fmt.Sprintf("fd %d, %s", r.fd, what)
	}
	return fmt.Sprintf("%s, fd %d, %s", r.task.Title(), r.fd, what)
}

// borrow gets a descriptor for it, which is the caller's.
func (r ref) borrow(what string) (int, error) {
	fd, err := unix.PidfdGetfd(r.task.pidfd, r.fd, 0)
	if err != nil {
		return -1, fmt.Errorf("getting hold of %s: %w", what, err)
	}
	return fd, nil
}

// Found is one descriptor as it is found.
type Found struct {
	ref
	link    string
	deleted bool
	info    proc.FDInfo
	st      unix.Stat_t // of what has a path, and of pipes

	glanced bool // it was looked at before, and its owner now
	owned   bool // it has an owner, or a signal
	hint    uint64
}

func (o *Found) read(was *Found) (err error) {
	dir := o.task.dir
	if o.info, err = dir.Info(o.fd); err != nil {
		return err
	}
	if was != nil && was.isStill(&o.info) {
		o.link = was.link
	} else if o.link, o.deleted, err = dir.Link(o.fd); err != nil {
		return err
	}
	if o.hasPath() || o.isPlain() {
		err = dir.Stat(o.fd, &o.st)
	}
	return err
}

// isStill reports whether a descriptor must lead to the same file as before, one
// that has no path: no other has its number.
func (o *Found) isStill(now *proc.FDInfo) bool {
	was := &o.info
	numbered := was.EventID != 0 || strings.HasPrefix(o.link, "socket:") || strings.HasPrefix(o.link, "pipe:")
	return numbered && was.Ino != 0 && was.Ino == now.Ino && was.Mount == now.Mount && was.EventID == now.EventID
}
