// Package progress shows on a terminal how far a tool has come.
//
// Several tools of a pipeline have the same terminal, and their lines must
// not fight. So only that tool shows progress which holds an exclusive
// flock(2) on the terminal. The last tool of a pipeline takes it at once; one
// that writes to a pipe tries a second later, and so gets it only where none
// of the tools behind it shares its terminal. The lock goes with its holder.
package progress

import (
	"fmt"
	"os"
	"sync"
	"time"

	"snappipe/cmd/internal/human"
)

const (
	// tick is how often the line is drawn again. The first time is after
	// the first tick: short work shows nothing.
	tick = 250 * time.Millisecond
	// late is for how long a tool that writes to a pipe lets others go
	// first.
	late = time.Second
)

// Gauge says how many bytes of the image are done, and how many bytes of the
// stream they take. It is called from another goroutine.
type Gauge func() (image, stream int64)

// Display is standard error: messages, and below them the line of progress.
type Display struct {
	name string
	err  *os.File

	mu    sync.Mutex
	term  *terminal // nil where no line is to be seen
	json  bool      // progress is for a program, in lines of their own
	shown bool      // the line is on the screen
	line  *line     // nil before Track
	stop  chan struct{}
	done  chan struct{}
}

// New returns the Display of the tool of that name. With silent set, it shows
// messages only; with inPipe set, other tools may come behind this one.
func New(name string, stderr *os.File, silent, inPipe bool) *Display {
	d := &Display{name: name, err: stderr}
	if silent {
		return d
	}
	if d.term = openTerminal(stderr); d.term == nil {
		return d
	}
	if !inPipe {
		d.term.lock()
	}
	d.stop, d.done = make(chan struct{}), make(chan struct{})
	go d.run(time.Now())
	return d
}

// NewJSON returns the Display of a tool whose progress is read by a program.
func NewJSON(name string, stderr *os.File) *Display {
	d := &Display{name: name, err: stderr, json: true}
	d.stop, d.done = make(chan struct{}), make(chan struct{})
	go d.report()
	return d
}

// Message writes a line of text, in which names may be whatever somebody wanted.
func (d *Display) Message(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
	// Nothing is left to tell of an error on standard error.
	fmt.Fprintf(d.err, "%s: %s\n", d.name, human.Printable(text))
}

// Track begins to show how much of total bytes g says are done.
func (d *Display) Track(total int64, g Gauge) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line = newLine(d.name, total, g)
}

// Close removes the line of progress. Messages can still be written.
func (d *Display) Close() {
	if d.stop == nil {
		return
	}
	close(d.stop)
	<-d.done
	d.stop = nil
}

func (d *Display) run(start time.Time) {
	defer close(d.done)
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		select {
		case <-d.stop:
			d.mu.Lock()
			d.clear()
			d.term.close()
			d.mu.Unlock()
			return
		case now := <-ticks.C:
			if now.Sub(start) >= late {
				d.term.lock()
			}
			d.draw(now)
		}
	}
}

// report writes the progress every second, and where it ended.
func (d *Display) report() {
	defer close(d.done)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-d.stop:
			d.write(time.Now())
			return
		case now := <-ticks.C:
			d.write(now)
		}
	}
}

func (d *Display) write(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.line == nil {
		return
	}
	if text, err := d.line.json(now); err == nil { // which numbers do not fail at
		fmt.Fprintln(d.err, text)
	}
}

func (d *Display) draw(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.line == nil {
		return
	}
	text := d.line.text(now)
	if !d.term.ours() {
		return
	}
	d.term.draw(text)
	d.shown = true
}

func (d *Display) clear() {
	if d.shown {
		d.term.draw("")
		d.shown = false
	}
}
