// This file runs lists of calls (program) in threads that are stopped, all at the same
// time, and has the threads stopped again when they are through.

package ptrace

import (
	"errors"
	"fmt"
	"time"
)

// Run has each of the threads go through the list of its own index, all at the
// same time, and returns when all are stopped again, also after an error.
func (g *Group) Run(p *Programs, threads []*Stopped) error {
	return g.run(p, threads, func() error { return g.untilDone(p, threads) })
}

// RunToBirth has one thread go through the first list, up to the call that
// creates something, and calls births for that. What follows in the list is for
// RunRest.
func (g *Group) RunToBirth(p *Programs, s *Stopped, births func(Thread) error) error {
	var born bool
	err := g.run(p, []*Stopped{s}, func() (err error) {
		born, err = g.untilBirth(p, s, births)
		return err
	})
	if err == nil && !born {
		err = ErrNoBirth
	}
	return err
}

// RunRest has the thread go through what follows in the list behind the call that
// created something. It would do so by itself should its tracer die before.
func (g *Group) RunRest(p *Programs, s *Stopped) error {
	threads, begun := []*Stopped{s}, time.Now()
	err := gone(s.Thread.Cont(0))
	if err == nil {
		err = g.untilDone(p, threads)
	}
	if e := g.recall(p, threads, begun); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return p.Load()
}

// ErrNoBirth says that nothing was created.
var ErrNoBirth = errors.New("nothing was born")

// run starts the lists and stops the threads when await has returned.
func (g *Group) run(p *Programs, threads []*Stopped, await func() error) error {
	if err := p.Store(); err != nil {
		return err
	}
	begun := time.Now()
	err := g.start(p, threads)
	if err == nil {
		err = await()
	}
	if e := g.recall(p, threads, begun); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return p.Load()
}

func (g *Group) start(p *Programs, threads []*Stopped) error {
	for i, s := range threads {
		if err := p.Start(i, s); err != nil {
			return fmt.Errorf("starting calls in thread %d: %w", int(s.Thread), err)
		}
	}
	return nil
}

// recall stops the threads, wherever in their lists they are. None can have
// taken its tracer for dead if not enough time went by since they begun.
func (g *Group) recall(p *Programs, threads []*Stopped, begun time.Time) error {
	for _, s := range threads {
		if err := s.Thread.Interrupt(); err != nil {
			return gone(err)
		}
	}
	g.stopAfter = time.Now().Add(orphaned)
	if err := g.await(threads); err != nil {
		return err
	}
	if g.denied != nil {
		return g.denied
	}
	if time.Since(begun) < orphaned {
		return nil
	}
	for _, s := range threads {
		r, err := s.Thread.Regs()
		if err != nil {
			return gone(err)
		}
		if !p.Runs(r) {
			s.moved, s.berth.off, s.home = false, false, home{} // it took its tracer for dead and is itself again
			return fmt.Errorf("thread %d did not wait to be stopped", int(s.Thread))
		}
	}
	return nil
}

// untilBirth waits for what the thread creates. The kernel holds the thread
// itself in clone(2) until its tracer has heard of it, and by an interrupt it
// gets no further than the end of that call.
func (g *Group) untilBirth(p *Programs, s *Stopped, births func(Thread) error) (born bool, err error) {
	for begun := time.Now(); ; {
		stop, ok, err := s.Thread.tryWait()
		if err != nil {
			return false, gone(err)
		}
		if !ok {
			if n, err := p.Done(); err != nil || n > 0 {
				return false, err // it failed to create anything
			}
			g.Turn.nap(time.Since(begun))
			continue
		}
		switch {
		case stop.Over():
			return false, ErrGone
		case stop.Kind == Birth:
			id, err := s.Thread.eventMessage()
			if err != nil {
				return false, gone(err)
			}
			return true, errors.Join(births(Thread(id)), gone(s.Thread.Interrupt()), gone(s.Thread.Cont(0)))
		case stop.Kind == Signalled:
			if err := g.withhold(s, stop.Signal); err != nil {
				return false, err
			}
		}
		if err := g.goOn(s); err != nil || g.denied != nil {
			return false, err
		}
	}
}

// untilDone waits for all threads to be through with their lists.
func (g *Group) untilDone(p *Programs, threads []*Stopped) error {
	begun := time.Now()
	for later := 2 * time.Millisecond; ; {
		n, err := p.Done()
		if err != nil {
			return gone(err)
		}
		if n >= len(threads) {
			return nil
		}
		waited := time.Since(begun)
		if waited > orphaned/2 {
			return fmt.Errorf("process %d: %w: only %d of %d threads made their calls", g.PID, ErrWontStop, n, len(threads))
		}
		if waited > later {
			if err := g.push(threads); err != nil {
				return err
			}
			later = 2 * waited // a thousand threads take their time, and so does this
		}
		g.Turn.nap(waited)
	}
}

// push lets those of the threads go on that something stopped: SIGSTOP, or an
// earlier stop of the whole process, which each thread reports again.
func (g *Group) push(threads []*Stopped) error {
	for _, s := range threads {
		stop, ok, err := s.Thread.tryWait()
		if err != nil {
			return gone(err)
		}
		if !ok {
			continue
		}
		if stop.Over() {
			return ErrGone
		}
		if stop.Kind == Signalled {
			if err := g.withhold(s, stop.Signal); err != nil {
				return err
			}
		}
		if err := g.goOn(s); err != nil {
			return err
		}
	}
	return g.denied
}

// goOn lets a thread make its further calls, or if one was denied takes it to
// where it can be recalled.
func (g *Group) goOn(s *Stopped) error {
	if g.denied != nil {
		if err := s.Thread.Interrupt(); err != nil {
			return gone(err)
		}
	}
	return gone(s.Thread.Cont(0))
}
