// This file finds out who has the IDs that a tree needs. All of them have to be
// free, for its processes know each other by them.

package restore

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
)

const adviceTaken = "end what has it, or resume where processes may have a namespace of their own (user_namespaces(7))"

// neededIDs are those of processes and threads, and of the groups and sessions
// that they are in and that are not ours.
func (t *tree) neededIDs() map[int]bool {
	ids := map[int]bool{}
	for _, m := range t.members {
		ids[m.task.PID] = true
		for i := range m.task.Threads {
			ids[m.task.Threads[i].TID] = true
		}
		ids[t.groupOf(m)] = true
		if id := t.sessionOf(m); id != 0 {
			ids[id] = true
		}
	}
	for _, id := range t.foregroundGroups() {
		ids[id] = true
	}
	return ids
}

// holder says who has one of some IDs, or "".
func (t *tree) holder(ids map[int]bool) (id int, who string, err error) {
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if id == t.root.stub.pid {
			continue // for the moment
		}
		if proc.Exists(id) {
			return id, named(id), nil
		}
	}
	pids, err := proc.Processes()
	if err != nil {
		return 0, "", err
	}
	for _, pid := range pids {
		stat, err := proc.ReadStat(pid)
		if err != nil || pid == t.root.stub.pid {
			continue // it has ended
		}
		for what, id := range map[string]int{"group": stat.Group(), "session": stat.Session()} {
			if ids[id] {
				return id, fmt.Sprintf("the %s of %s", what, named(pid)), nil
			}
		}
	}
	return 0, "", nil
}

// named is a process, or a thread, with its name.
func named(id int) string {
	what := "process"
	if status, err := proc.ReadStatus(id); err == nil && status.Int("Tgid") != id {
		what = fmt.Sprintf("a thread of process %d,", status.Int("Tgid"))
	}
	name, err := proc.Comm(id, id)
	if err != nil {
		return fmt.Sprintf("%s %d", what, id)
	}
	return fmt.Sprintf("%s %d (%s)", what, id, name)
}

// identify gives the root its ID: all at once are the same, or in a namespace.
func (t *tree) identify() error {
	p := t.root
	if p.options.Detach && p.hearsOfDeath() {
		needed := t.neededIDs()
		if t.isSingle() {
			needed = nil // any will do
		}
		if err := p.disown(needed); err != nil {
			return err
		}
	}
	if t.isSingle() {
		return p.identify()
	}
	want := p.task.PID
	if p.task.OwnPIDs {
		return p.identifyInNamespace(want)
	}
	id, who, err := t.holder(t.neededIDs())
	if err != nil {
		return err
	}
	if who != "" {
		err := p.identifyInNamespace(want)
		if err != nil {
			return kernel.Refuse(fmt.Sprintf("process ID %d", id), adviceTaken,
				"it is taken, by %s, and a namespace can't be had: %v", who, err)
		}
		return nil
	}
	err = p.twin(want)
	if err == nil {
		p.ids.same = true
		p.options.Report(fmt.Sprintf("resuming %d processes with the same IDs, from %d on", len(t.members), want))
		return nil
	}
	if !unavailable(err) {
		return fmt.Errorf("making process %d: %w", want, err)
	}
	return p.identifyInNamespace(want)
}

// unborn says why a process could not be made.
func (t *tree) unborn(id int, err error) error {
	if !unavailable(err) {
		return fmt.Errorf("making process %d: %w", id, err)
	}
	t.raced = true
	reason := why(err)
	if _, who, e := t.holder(map[int]bool{id: true}); e == nil && who != "" && t.root.pids == nil {
		reason = "taken, by " + who
	}
	return kernel.Refuse(fmt.Sprintf("process ID %d", id), adviceTaken, "it is %s", reason)
}

// startApart starts the stub of the root again while that has an ID that is needed.
func (t *tree) startApart() error {
	p := t.root
	if err := p.start(); err != nil || t.isSingle() {
		return err
	}
	for ids := t.neededIDs(); ids[p.stub.pid]; {
		old := p.stub
		if err := p.start(); err != nil {
			return errors.Join(err, old.kill())
		}
		if err := old.kill(); err != nil {
			return err
		}
	}
	return nil
}
