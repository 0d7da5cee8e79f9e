// The server: who lacks what, and who sees to it that it comes.

package lazy

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Server gives address spaces what they lack.
type Server struct {
	image kernel.Source
	done  chan struct{} // closed when it has come to its end

	mu      sync.Mutex
	changed *sync.Cond // something of the following
	guard   *guard
	holder  *holder
	pids    []process // that the guard kills
	spaces  []*space
	faults  []fault
	waiting map[int64][]fault // for a part that somebody reads
	ahead   bool              // all of the rest is loaded, too
	cursor  int64             // from where on
	over    bool
	err     error
}

// fault is a page that somebody waits for.
type fault struct {
	space *space
	addr  uint64
}

// Start begins to serve. Only what is touched is loaded, before [Server.LoadAll].
func Start(image kernel.Source) (*Server, error) {
	s := &Server{image: image, done: make(chan struct{}), waiting: map[int64][]fault{}}
	s.changed = sync.NewCond(&s.mu)
	if err := s.newGuard(); err != nil {
		return nil, err
	}
	if err := s.newHolder(); err != nil {
		return nil, errors.Join(err, s.guard.end(dismissed))
	}
	for range runtime.GOMAXPROCS(0) {
		go s.workAhead()
	}
	go s.work(false) // so that nobody waits for what nobody waits for
	return s, nil
}

// Watch has a process be killed that may not go on without the server.
func (s *Server) Watch(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pids = append(s.pids, process{pid, fd})
	return s.guard.watch(process{pid, fd})
}

// Serve takes over a userfaultfd, new as userfaultfd(2) made it, and has the memory
// of its address space come: the pages at the addresses first before it returns.
func (s *Server) Serve(fd int, memory []Range, first []uint64) error {
	unix.CloseOnExec(fd)
	err := sys.EnableFaults(fd)
	for _, r := range memory {
		if err == nil {
			err = sys.CatchFaults(fd, r.Addr, r.Size)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("userfaultfd: %w", err), unix.Close(fd))
	}
	sorted := slices.SortedFunc(slices.Values(memory), func(a, b Range) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	s.mu.Lock()
	sp := s.add(fd, sorted)
	s.mu.Unlock()
	return s.loadFirst(sp, first)
}

// add begins with an address space. s.mu is held.
func (s *Server) add(fd int, left ranges) *space {
	sp := newSpace(fd, left)
	sp.failed = s.over
	s.spaces = append(s.spaces, sp)
	go s.listen(sp)
	s.changed.Broadcast()
	return sp
}

func (s *Server) loadFirst(sp *space, addrs []uint64) error {
	read := s.image.Parts()
	for _, addr := range addrs {
		off, ok := sp.place(addr &^ (world.Page - 1))
		if !ok {
			continue
		}
		start, size := s.image.Part(off)
		b, err := read(start)
		if err == nil {
			err = sp.put(start, size, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// LoadAll loads what nobody waits for, too, up to the end.
func (s *Server) LoadAll() {
	s.mu.Lock()
	s.ahead = true
	spaces := slices.Clone(s.spaces)
	s.changed.Broadcast()
	s.mu.Unlock()
	for _, sp := range spaces {
		s.settle(sp, nil)
	}
	if len(spaces) == 0 {
		s.end(nil)
	}
}

// Done is closed when all of the memory is there, or never will be: see Err.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the processes were killed, once the server is done, or nil.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Stop ends the server when nobody is left to be served.
func (s *Server) Stop() { s.end(nil) }

// end ends it; with an error, the processes go first.
func (s *Server) end(err error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.over, s.err = true, err
	s.changed.Broadcast()
	for _, sp := range s.spaces {
		sp.leave()
	}
	guard, holder, pids := s.guard, s.holder, s.pids
	s.mu.Unlock()
	if err == nil {
		_ = guard.end(dismissed)
	} else if guard.end(failed) != nil {
		killAll(pids)
	}
	holder.end()
	s.close()
}

// close gives up what it has of the processes.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.spaces {
		sp.close()
	}
	for _, p := range s.pids {
		unix.Close(p.fd)
	}
	close(s.done)
}

// fail ends the processes, and the server.
func (s *Server) fail(err error) {
	s.end(fmt.Errorf("the program was killed, since not all of its memory can be had: %w", err))
}

// newGuard starts one that knows all there is to know. s.mu is held, or nobody else
// knows the server yet.
func (s *Server) newGuard() error {
	g, err := startGuard()
	if err != nil {
		return err
	}
	s.guard = g
	for _, p := range s.pids {
		err = errors.Join(err, s.guard.watch(p))
	}
	if s.holder != nil {
		err = errors.Join(err, s.guard.take(s.holder))
	}
	go s.mind(g.gone, s.newGuard)
	return err
}

// mind has a guard or a holder that somebody has killed replaced.
func (s *Server) mind(gone chan struct{}, replace func() error) {
	<-gone
	s.mu.Lock()
	var err error
	if !s.over {
		err = replace()
	}
	s.mu.Unlock()
	if err != nil {
		s.fail(err)
	}
}

// workAhead is work also on what nobody waits for. That is nothing for real-time
// priority, at which the program might not run before all of it is there.
func (s *Server) workAhead() {
	const thread = 0 // this one
	if own, err := unix.SchedGetAttr(thread, 0); err == nil && world.IsRealTime(own.Policy) {
		runtime.LockOSThread() // and never unlocked: it ends with this
		_ = unix.SchedSetAttr(thread, &unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: own.Nice}, 0)
	}
	s.work(true)
}

// work does what is to be done, as long as there is any.
func (s *Server) work(ahead bool) {
	read := s.image.Parts()
	for {
		f, part, ok := s.next(ahead)
		switch {
		case !ok:
			return
		case f.space != nil:
			s.settle(f.space, f.space.zero(f.addr))
		default:
			s.load(read, part)
		}
	}
}

// next waits for something to do: a page to be zeros, or a part to be loaded.
func (s *Server) next(ahead bool) (f fault, part int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over {
		if f, part, ok = s.nextFault(); ok {
			return f, part, true
		}
		if s.ahead && ahead {
			if part, ok = s.nextAhead(); ok {
				return fault{}, part, true
			}
		}
		s.changed.Wait()
	}
	return f, 0, false
}

func (s *Server) nextFault() (f fault, part int64, ok bool) {
	for len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
		off, ok := f.space.place(f.addr)
		if !ok {
			return f, 0, true
		}
		part, _ := s.image.Part(off)
		_, busy := s.waiting[part]
		s.waiting[part] = append(s.waiting[part], f)
		if !busy {
			return fault{}, part, true
		}
	}
	return fault{}, 0, false
}

// nextAhead finds the next part that anybody lacks and nobody is about to load.
func (s *Server) nextAhead() (part int64, ok bool) {
	for _, from := range []int64{s.cursor, 0} {
		for {
			off, ok := s.lacks(from)
			if !ok {
				break
			}
			start, size := s.image.Part(off)
			if _, busy := s.waiting[start]; !busy {
				s.waiting[start], s.cursor = nil, start+size
				return start, true
			}
			from = start + size
		}
	}
	return 0, false
}

func (s *Server) lacks(from int64) (first int64, ok bool) {
	for _, sp := range s.spaces {
		if off, lacking := sp.lacks(from); lacking && (!ok || off < first) {
			first, ok = off, true
		}
	}
	return first, ok
}

// load gives a part of the image to all who lack it.
func (s *Server) load(read func(int64) ([]byte, error), part int64) {
	b, err := read(part)
	if err != nil {
		s.fail(err)
		return
	}
	start, size := s.image.Part(part)
	s.mu.Lock()
	spaces := slices.Clone(s.spaces)
	s.mu.Unlock()
	for _, sp := range spaces {
		s.settle(sp, sp.put(start, size, b))
	}
	s.mu.Lock()
	// Of those who wait, one may have been born or moved meanwhile.
	s.faults = append(s.faults, s.waiting[part]...)
	delete(s.waiting, part)
	s.changed.Broadcast()
	s.mu.Unlock()
}

// settle sees what a space has come to, after something was done for it.
func (s *Server) settle(sp *space, err error) {
	_, lacking := sp.lacks(0)
	switch {
	case errors.Is(err, errGone), err == nil && !lacking:
		s.remove(sp)
	case err != nil:
		s.fail(err)
	}
}

// remove is for a space that lacks nothing, or is gone.
func (s *Server) remove(sp *space) {
	s.mu.Lock()
	i := slices.Index(s.spaces, sp)
	if i < 0 || s.over {
		s.mu.Unlock()
		return
	}
	s.spaces = slices.Delete(s.spaces, i, i+1)
	s.faults = slices.DeleteFunc(s.faults, func(f fault) bool { return f.space == sp })
	last := len(s.spaces) == 0 && s.ahead
	s.mu.Unlock()
	sp.close()
	if last {
		s.end(nil)
	}
}
