// Package agent is the process that takes a snapshot for snapcat, and holds
// the frozen twin until nobody needs it any more.
//
// It is a process of its own so that the program that is snapshotted is safe
// from whatever happens to snapcat: it is in another session, where no key of
// the terminal reaches it, ignores all signals that can be ignored, and does
// what has to be done to the end. When snapcat is gone, however it went, the
// socket between the two is at its end, and the agent puts the twin away and
// goes too.
//
// If the agent itself is killed, the kernel kills the twin (PTRACE_O_EXITKILL)
// and the program restores itself (package ptrace, programs and landing); snapcat then has
// another agent put away what is left of the twin. If both are killed at once,
// the next snapshot does.
//
// The agent is the same executable, started again under another name: see
// [Main].
package agent

import (
	"encoding/json"
	"fmt"

	"snappipe/kernel"
	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
)

// name is the first argument by which a process knows that it is an agent, and
// what ps(1) shows.
const name = "snapcat-agent"

// request is the first message to an agent.
type request struct {
	PID     int
	Only    bool
	Precopy bool
	Kill    bool
	Force   bool
	Drop    []int
	Fault   capture.Fault
	// Left is what another agent left in processes, to put away; then there is no
	// snapshot.
	Left []left
}

// left is what is in a process while it is snapshotted. Of several messages about
// one, each adds what it has.
type left struct {
	PID  int
	Twin int             `json:",omitempty"`
	Area *ptrace.Area    `json:",omitempty"`
	Peek *object.Peek    `json:",omitempty"`
	Pty  *object.Emptied `json:",omitempty"`
	Dam  *dam            `json:",omitempty"`
	// Tracker: a userfaultfd is opened in it, or if negative is closed again.
	Tracker int `json:",omitempty"`
}

// dam is a table of nftables, or none if it has no name.
type dam struct {
	Name string
	Ways []sys.Way
}

// answer is a message from the agent, until it is Ready, and the last one.
type answer struct {
	Report  string          `json:",omitempty"`
	Warning string          `json:",omitempty"`
	Left    *left           `json:",omitempty"` // should the agent be killed
	Twin    *twin           `json:",omitempty"` // with descriptors: its memory, its pipe
	Ready   *ready          `json:",omitempty"` // after all twins, with the store
	Error   string          `json:",omitempty"`
	Refusal *kernel.Refusal `json:",omitempty"`
	Done    bool            `json:",omitempty"` // nothing is left, or Error says what
}

// twin is the next of those that extents are of.
type twin struct{}

type ready struct {
	Size    int64
	Extents int    // how many
	Table   uint64 // where in the store they are, extentSize bytes each
	Facts   kernel.Facts
}

// extentSize is offset, length, which twin or the store, and where.
const extentSize = 4 * 8

// An order is sent once the agent is Ready: the number of a twin, and then addresses
// and lengths in binary, runSize bytes each, of what is to go into its pipe; or one
// of no length, to end; or one byte, if the processes are to end too. Of the first kind nothing is answered: it comes through the pipe, or that
// is at its end.
const runSize, twinSize = 16, 8

func (a *answer) encode() []byte {
	b, err := json.Marshal(a)
	if err != nil { // it holds nothing that could not be
		b, _ = json.Marshal(answer{Error: fmt.Sprint(err)})
	}
	return b
}

// err is what Error or Refusal says.
func (a *answer) err() error {
	switch {
	case a.Refusal != nil:
		return a.Refusal
	case a.Error != "":
		return fmt.Errorf("%s", a.Error)
	}
	return nil
}
