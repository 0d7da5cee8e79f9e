// What a resume is about to do, for whoever does not trust the image: it is said from
// the bytes of the image alone, before anything is done.

package kernel

import (
	"fmt"
	"io"
	"strconv"
)

// Planner is a Kernel that can say what resuming an image does with what is
// outside of that: with files, names and rights of this machine.
type Planner interface {
	Kernel
	// Plan is ResumeSnapshot for an image of which nothing is made.
	Plan(facts Facts, size int64) (Plan, error)
}

// Plan takes an image as a [Resumption] does, and touches nothing.
type Plan interface {
	io.WriterAt
	// Actions returns what would be done, in an order that only the image says,
	// once as much of that has come as it takes to know. All other bytes may
	// still be to come.
	Actions() ([]Action, error)
}

// Action is one thing that a resume does. What belongs to the image is in What, and
// may be anything that its maker liked; the others are words of the kernel.
type Action struct {
	Does string // a verb, always the same for the same: "open", "bind"
	What string // with what: a path, an address
	How  string // "reading, writing"
	Of   string // for which part of the image: "process 12, fd 3"
}

// Actions gathers them.
type Actions struct {
	Of  string // which part those are for that are to come
	All []Action
}

// Say adds one.
func (a *Actions) Say(does, what, how string) {
	a.All = append(a.All, Action{Does: does, What: what, How: how, Of: a.Of})
}

// String is one line that does nothing to a terminal, and can be taken apart: what
// is quoted is as in Go, and holds no quotation mark without a backslash.
func (a Action) String() string {
	line := fmt.Sprintf("would %s %s", escape(a.Does), strconv.QuoteToASCII(a.What))
	if a.How != "" {
		line += ": " + escape(a.How)
	}
	if a.Of != "" {
		line += " (" + escape(a.Of) + ")"
	}
	return line
}

// escape is for what should be a kernel's own words.
func escape(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
