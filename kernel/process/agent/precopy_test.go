// Snapshots whose memory is copied beforehand, and that do no harm either.

package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/sys"
)

// Each step of a pre-copy, and others while it is on, fail once, and the agent is
// killed there once.
func TestPrecopyFaults(t *testing.T) {
	needTracking(t)
	p := startProgram(t, "steady.c", "3", "8")
	for _, step := range []capture.Fault{
		capture.FaultPrecopied, capture.FaultStopped, capture.FaultThreads, capture.FaultBorn, capture.FaultApart,
		capture.FaultForked, capture.FaultUnmapped, capture.FaultShared, capture.FaultReleased, capture.FaultMemory,
	} {
		for _, f := range []capture.Fault{step, -step} {
			t.Run(fmt.Sprint(f), func(t *testing.T) {
				before := p.look(t)
				s, err := Take(context.Background(), p.pid, Options{Precopy: true, Report: quiet, Warn: quiet, Fault: f})
				if err == nil {
					s.Close()
				}
				want := errFaulty
				if f < 0 {
					want = errDied
					// See TestAgentKilled.
					before.disturbances = p.disturbances(t)
				}
				if err == nil || !errors.Is(err, want) && !strings.Contains(err.Error(), want.Error()) {
					t.Errorf("the snapshot: %v", err)
				}
				p.unharmed(t, before)
			})
		}
	}
}

var errFaulty = errors.New("fault injected")

// Nothing is left of a pre-copy, and what was copied came from where it should.
func TestPrecopy(t *testing.T) {
	needTracking(t)
	p := startProgram(t, "steady.c", "3", "8")
	for range 5 {
		before := p.look(t)
		s, err := Take(context.Background(), p.pid, Options{Precopy: true, Report: quiet, Warn: quiet})
		if err != nil {
			t.Fatal(err)
		}
		stored := func(e capture.Extent) bool { return e.Twin == capture.InStore && e.Length >= 8<<20 }
		if !slices.ContainsFunc(s.Extents, stored) {
			t.Error("none of its memory was copied")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		p.unharmed(t, before)
	}
}

func needTracking(t *testing.T) {
	t.Helper()
	if err := sys.CanTrack(); err != nil {
		t.Skipf("SKIPPED: this kernel can't track what is written to: %v", err)
	}
}
