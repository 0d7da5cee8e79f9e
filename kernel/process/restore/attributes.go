// This file sets what belongs to the process as a whole, by calls in its name
// or through /proc. Of what is inherited by threads, it is set before there
// are any.

package restore

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/object"
)

// It comes after all mappings, which READ_IMPLIES_EXEC of personality(2) would
// change.
func (p *process) setProcess() error {
	q := p.task
	if _, err := p.stub.callWith(p.stub.Caller, "chdir to "+p.cwd, unix.SYS_CHDIR, 0, cstring(p.cwd), 0); err != nil {
		return object.Gone("working directory "+p.cwd, err)
	}
	if _, err := p.stub.call("umask", unix.SYS_UMASK, uint64(q.Umask)); err != nil {
		return err
	}
	if _, err := p.stub.call("personality", unix.SYS_PERSONALITY, uint64(q.Personality)); err != nil {
		return err
	}
	if err := p.leaveKeys(); err != nil {
		return err
	}
	if err := p.setSettings(); err != nil {
		return err
	}
	if err := p.setNumber("oom_score_adj", strconv.Itoa(q.OOMScoreAdj)); err != nil {
		return err
	}
	return p.setNumber("coredump_filter", fmt.Sprintf("%#x", uint64(q.CoreFilter)))
}

// setNumber writes a file of /proc/PID.
func (p *process) setNumber(name, value string) error {
	err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", p.stub.pid, name), []byte(value), 0)
	return p.tolerate(name+" "+value, err)
}

// setLimits sets resource limits, after everything that they would limit.
func (p *process) setLimits() error {
	for n, l := range p.task.Rlimits {
		want := unix.Rlimit{Cur: uint64(l.Cur), Max: uint64(l.Max)}
		var have unix.Rlimit
		if err := unix.Prlimit(p.stub.pid, n, nil, &have); err != nil {
			return fmt.Errorf("reading resource limit %d: %w", n, err)
		}
		if want == have {
			continue
		}
		err := unix.Prlimit(p.stub.pid, n, &want, nil)
		if err == unix.EPERM { // a hard limit above ours
			p.options.Warn(fmt.Sprintf("resource limit %d stays at %d: only root may raise it to %d", n, have.Max, want.Max))
			want.Max = have.Max
			want.Cur = min(want.Cur, want.Max)
			err = unix.Prlimit(p.stub.pid, n, &want, nil)
		}
		if err != nil {
			return fmt.Errorf("setting resource limit %d: %w", n, err)
		}
	}
	return nil
}
