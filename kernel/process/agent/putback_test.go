// What is changed in a program for a moment, to be read, is put back.

package agent

import (
	"context"
	"fmt"
	"os"
	"testing"

	"snappipe/kernel/process/capture"
)

// The agent fails, or is killed, while it peeks at a socket of the program.
func TestPeeking(t *testing.T) {
	putsBack(t, "peeked.c", capture.FaultPeeking, "it has peeked elsewhere", "it goes on to peek elsewhere")
}

// The agent fails, or is killed, while it looks at what a TCP connection has sent.
func TestRepairing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may")
	}
	putsBack(t, "repaired.c", capture.FaultPeeking, "a connection was repaired", "a connection stays under repair")
}

// The agent fails, or is killed, when it has read out a pseudo-terminal of the program.
func TestEmptied(t *testing.T) {
	putsBack(t, "emptied.c", capture.FaultEmptied, "its terminal has changed", "its terminal has not become what it was")
}

func putsBack(t *testing.T, source string, fault capture.Fault, changed, stays string) {
	for _, f := range []capture.Fault{capture.NoFault, fault, -fault} {
		t.Run(fmt.Sprint(f), func(t *testing.T) {
			p := startProgram(t, source)
			s, err := Take(context.Background(), p.pid, Options{Report: quiet, Warn: quiet, Fault: f})
			if err == nil {
				err = s.Close()
			}
			if (err == nil) != (f == capture.NoFault) {
				t.Errorf("the snapshot: %v", err)
			}
			if f >= 0 && p.disturbances(t) > 0 {
				t.Error(changed)
			}
			before := p.disturbances(t) // for a moment it may, when the agent is killed
			p.await(t, 3)
			if p.disturbances(t) != before {
				t.Error(stays)
			}
		})
	}
}
