// This file has a stub make many calls at one stop. That is for what there may be
// thousands of, mappings and threads, or for what each of many processes has dozens of:
// made one by one, each call would cost two stops.

package restore

import (
	"golang.org/x/sys/unix"

	"snappipe/kernel/process/ptrace"
)

// calls are to be made one after the other when run is called, or before, when there is
// no room for more. After one that has failed, which is the end of the resume, others
// may still be made.
type calls struct {
	stub *stub
	by   *ptrace.Caller // that of the stub, or of another thread with the ID
	tid  int
	list []ptrace.Call
	ends []func(error) error
	args []byte
	err  error // the first
}

func (s *stub) calls() *calls { return &calls{stub: s, by: s.Caller, tid: s.inner} }

// add adds one; what says what for.
func (c *calls) add(what string, nr uint64, args ...uint64) {
	c.addAnd(func(err error) error { return inNew(what, err) }, nr, args...)
}

// addAnd adds one of which an error is not as it is for end to say.
func (c *calls) addAnd(end func(error) error, nr uint64, args ...uint64) {
	if len(c.list) > 0 && len(c.list) == c.stub.listRoom() {
		c.make()
	}
	call := ptrace.Call{Nr: nr}
	copy(call.Args[:], args)
	c.list, c.ends = append(c.list, call), append(c.ends, end)
}

// on adds one on all of a mapping.
func (c *calls) on(m *mapping, what string, nr uint64, args ...uint64) {
	c.addAnd(func(err error) error { return onMapping(m, what, err) }, nr, append([]uint64{uint64(m.Start), uint64(m.End - m.Start)}, args...)...)
}

// lay puts an argument into the scratch memory, of the one call that is added next.
func (c *calls) lay(arg []byte) uint64 {
	if len(c.args)+len(arg) > scratchSize || len(c.list) == c.stub.listRoom() {
		c.make()
	}
	at := c.stub.scratch + uint64(len(c.args))
	c.args = append(c.args, arg...)
	c.args = append(c.args, make([]byte, -len(c.args)&15)...)
	return at
}

// run makes all that are left, and returns the first error of any.
func (c *calls) run() error {
	c.make()
	return c.err
}

func (c *calls) make() {
	if c.err == nil && len(c.list) > 0 {
		c.err = c.makeAll()
	}
	c.list, c.ends, c.args = c.list[:0], c.ends[:0], c.args[:0]
}

func (c *calls) makeAll() error {
	if _, err := c.stub.lay(c.args); err != nil {
		return err
	}
	if c.stub.listRoom() == 0 {
		return c.oneByOne()
	}
	batch := c.stub.batch
	batch.TID = c.tid
	answer, err := c.by.Run(&batch, c.list, 0)
	if err != nil {
		return err
	}
	for i, end := range c.ends {
		_, err := answer.Returned(i)
		if err = end(err); err != nil {
			return err
		}
	}
	return nil
}

// oneByOne is for where no memory may be made executable.
func (c *calls) oneByOne() error {
	for i, end := range c.ends {
		_, err := c.by.Call(uintptr(c.list[i].Nr), c.list[i].Args[:]...)
		if err = end(err); err != nil {
			return err
		}
	}
	return nil
}

// The room that a stub has for its calls: arguments, lists, and code to go through
// those.
const (
	scratchSize = 64 << 10
	listSize    = 64 << 10
	roomSize    = scratchSize + listSize + ptrace.BatchCode
)

// makeRoom maps it, where the scratch memory is to be from now on.
func (s *stub) makeRoom(at uint64) error {
	const private = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	if _, err := s.call("mmap", unix.SYS_MMAP, at, roomSize, unix.PROT_READ|unix.PROT_WRITE,
		private|unix.MAP_FIXED_NOREPLACE, ^uint64(0), 0); err != nil {
		return err
	}
	s.scratch = at
	code := at + scratchSize + listSize
	if _, err := s.Call(unix.SYS_MMAP, code, ptrace.BatchCode, unix.PROT_READ|unix.PROT_EXEC,
		private|unix.MAP_FIXED, ^uint64(0), 0); err != nil {
		return nil // as under SELinux without execmem
	}
	s.batch = ptrace.Batch{
		Memory: s.mem, Area: ptrace.Area{Code: code}, At: at + scratchSize, Size: listSize,
	}
	return s.batch.LayCode()
}

// listRoom is how many calls there is room for in a list.
func (s *stub) listRoom() int { return max(0, s.batch.Fits(1, 0)) }
