// Work that is shared out to all cores and stays in order.

package format

import (
	"context"
	"io"
	"runtime"
)

// Pipe moves items from read through work to write. There is one goroutine
// that reads and one that writes, and one for each of the functions in works,
// between which the items are shared out; write gets them in the order in
// which they were read.
//
// The items go round: there are never more in flight than len(items), which
// is what bounds the memory of a filter, and nothing is allocated on the way.
//
// read says io.EOF, or any other error, when there is no more. Pipe returns
// nil after io.EOF when the last item has been written, and else the error
// that comes first in the order of the stream, whatever came first in time:
// all that stands before it has been written. Then, or when ctx is done, it
// returns as soon as the calls of work under way have, but without waiting
// for read, which may be blocked for ever; whoever calls it again must not
// reuse what read touches.
func Pipe[T any](ctx context.Context, items []T, read func(*T) error, works []func(*T) error, write func(*T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &pipe[T]{
		free: make(chan *slot[T], len(items)),
		work: make(chan *slot[T], len(items)),
		line: make(chan *slot[T], len(items)+1),
	}
	for i := range items {
		p.free <- &slot[T]{item: &items[i], done: make(chan error, 1)}
	}
	go p.reader(ctx, read)
	workers := make(chan struct{})
	for _, w := range works {
		go func() {
			p.worker(ctx, w)
			workers <- struct{}{}
		}()
	}
	err := p.writer(ctx, write)
	cancel()
	for range works {
		<-workers
	}
	return err
}

// slot is a place for an item. In the last one, end says why there are no
// more.
type slot[T any] struct {
	item *T
	done chan error
	end  error
}

type pipe[T any] struct {
	free chan *slot[T] // to be read into
	work chan *slot[T] // to be worked on, by whoever comes first
	line chan *slot[T] // the same, in order
}

func (p *pipe[T]) reader(ctx context.Context, read func(*T) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.free:
			if err := read(s.item); err != nil {
				p.line <- &slot[T]{end: err}
				return
			}
			p.line <- s
			p.work <- s
		}
	}
}

func (p *pipe[T]) worker(ctx context.Context, work func(*T) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.work:
			s.done <- work(s.item)
		}
	}
}

func (p *pipe[T]) writer(ctx context.Context, write func(*T) error) error {
	for {
		var s *slot[T]
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case s = <-p.line:
		}
		switch {
		case s.end == io.EOF:
			return nil
		case s.end != nil:
			return s.end
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-s.done:
			if err == nil {
				err = write(s.item)
			}
			if err != nil {
				return err
			}
		}
		p.free <- s
	}
}

// workers is how many goroutines a filter works with: one for each core that
// this process may use.
func workers() int { return runtime.GOMAXPROCS(0) }
