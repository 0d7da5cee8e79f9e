// A program that stands still until its image is stored.

package agent

import (
	"context"
	"errors"
	"testing"
	"time"

	"snappipe/kernel/process/proc"
)

// It does nothing until it is known whether it is to end, and ends only if it is to: not
// if its snapshot is given up, or the agent is killed.
func TestStandsStill(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *Snapshot) (ends bool){
		"given up": func(t *testing.T, s *Snapshot) bool {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			return false
		},
		"agent killed": func(t *testing.T, s *Snapshot) bool {
			if err := s.agent.cmd.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := s.Kill(); !errors.Is(err, errDied) {
				t.Errorf("the program is said to have ended: %v", err)
			}
			return false
		},
		"ended": func(t *testing.T, s *Snapshot) bool {
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, "steady.c")
			s, err := Take(context.Background(), p.pid, Options{Kill: true, Report: quiet, Warn: quiet})
			if err != nil {
				t.Fatal(err)
			}
			use(s)
			before, _, _ := p.line(t)
			time.Sleep(100 * time.Millisecond)
			if after, _, _ := p.line(t); after != before {
				t.Errorf("it went from beat %d to %d", before, after)
			}
			if end(t, s) {
				if stat, err := proc.ReadStat(p.pid); err == nil && !stat.HasEnded() {
					t.Error("it goes on")
				}
				return
			}
			p.awaitAlone(t)
			p.await(t, before+5)
		})
	}
}
