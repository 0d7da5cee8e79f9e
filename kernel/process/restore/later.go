// This file is for a program that runs before all of its memory has come (package
// lazy). That of the process alone that was not mapped from a file can come later,
// which is nearly all there is. The rest comes before it runs: what was written to of
// files that are mapped, what is shared with others or may lie in files, what is locked,
// and what has guard pages, which are marks in the very place of a page.

package restore

import (
	"context"
	"errors"
	"math"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/lazy"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/world"
)

// BeginLazily is Begin and all WriteAts, for an image of which the most may come
// later.
func BeginLazily(ctx context.Context, facts kernel.Facts, image kernel.Source, o kernel.Options) (kernel.Resumption, error) {
	if err := lazy.Possible(); err != nil {
		return nil, err
	}
	begun, err := Begin(ctx, facts, image.Size(), o)
	if err != nil {
		return nil, err
	}
	r := begun.(*resumption)
	r.image = image
	if r.server, err = lazy.Start(image); err != nil {
		return nil, err
	}
	if err := r.comeFirst(ctx, image); err != nil {
		if r.tree == nil {
			r.server.Stop()
		}
		return nil, errors.Join(err, r.Abort())
	}
	return r, nil
}

// comeFirst takes all of the image that does not come later.
func (r *resumption) comeFirst(ctx context.Context, image kernel.Source) error {
	read := image.Parts()
	for off := int64(0); off < image.Size(); {
		start, size := image.Part(off)
		b, err := read(start)
		if err == nil && b != nil {
			_, err = r.WriteAt(b, start)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if off = start + size; r.tree != nil {
			off = r.tree.nextSegment(off)
		}
	}
	return nil
}

// planLater says what comes later, before it is said where the rest goes.
func (t *tree) planLater() {
	if t.server == nil {
		return
	}
	if !t.root.ids.same {
		t.options.Warn("all memory is read first, since it may have locks in it that know thread IDs")
		return
	}
	for _, p := range t.alive() {
		// What several have is waited for: it would have to be there longer than the first of them.
		if len(p.sharers) == 1 {
			p.putOff(t.image)
		}
	}
}

// nextSegment returns the first byte of the image, from off on, that goes anywhere
// now.
func (t *tree) nextSegment(off int64) int64 {
	for _, s := range t.segments {
		if s.end() > off {
			return max(s.off, off)
		}
	}
	return math.MaxInt64
}

// putOff decides which mappings of a process come later.
func (p *process) putOff(image kernel.Source) {
	for i := range p.mapped {
		m := &p.mapped[i]
		m.later = m.source == nil && !m.Shared && len(m.filled) > 0 && len(m.Guards) == 0 &&
			!has(m.VMA, "lo") && !has(m.VMA, "wf") && !has(m.VMA, "dp") && m.inWholePages(image)
	}
}

// inWholePages reports whether no page of a mapping is in two parts of the image.
func (m *mapping) inWholePages(image kernel.Source) bool {
	end := m.ImageOffset + m.ImageSize
	for off := m.ImageOffset; off < end; {
		start, size := image.Part(off)
		if off%world.Page != 0 || size <= 0 {
			return false
		}
		off = start + size
	}
	return end%world.Page == 0
}

// serve hands the processes over to the server. Nothing of the program runs as yet,
// but the calls that are made in its name touch its memory.
func (t *tree) serve() error {
	if t.server == nil {
		return nil
	}
	return t.each(func(p *process) error { return p.serveBy(t.server) })()
}

func (p *process) serveBy(server *lazy.Server) error {
	if err := server.Watch(p.stub.pid); err != nil {
		return err
	}
	var memory []lazy.Range
	for i := range p.mapped {
		if m := &p.mapped[i]; m.later {
			memory = append(memory, lazy.Range{Addr: uint64(m.Start), Size: uint64(m.ImageSize), Offset: m.ImageOffset})
		}
	}
	if len(memory) == 0 {
		return nil
	}
	fd, err := p.openFaults()
	if err != nil {
		return err
	}
	return server.Serve(fd, memory, p.touchedByDebuggers())
}

// openFaults returns a userfaultfd of the process, which keeps none.
func (p *process) openFaults() (int, error) {
	n, err := p.Call("userfaultfd", unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return -1, err
	}
	return object.TakeOver(p, int(n))
}

// touchedByDebuggers are the addresses at which memory is to be changed by way of
// /proc/PID/mem, for which the kernel does not wait for a page (mm/gup.c:
// FOLL_UNLOCKABLE is not set), but says EIO.
func (p *process) touchedByDebuggers() (all []uint64) {
	for i := range p.task.Threads {
		t := &p.task.Threads[i]
		for _, at := range []world.Hex{t.ClearTID, t.Rseq.Ptr} {
			if at != 0 {
				all = append(all, uint64(at), uint64(at)+rseqCS+7)
			}
		}
	}
	return all
}

// served is closed when all has come that was to come later; nil if nothing was.
func (r *program) served() <-chan struct{} {
	if r.tree.server == nil {
		return nil
	}
	return r.tree.server.Done()
}

// othersServed waits until nobody needs this process any more, when the first of the
// tree has ended.
func (r *program) othersServed() error {
	if r.tree.server == nil {
		return nil
	}
	<-r.tree.server.Done()
	return r.tree.server.Err()
}
