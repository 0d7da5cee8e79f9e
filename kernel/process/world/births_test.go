// Who has to be born with what.

package world

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// of is a process: its parent, its session, its table and its directory; and, if that is
// another's, its memory, with the signal actions. Its ID is 100 and its index.
type of struct{ parent, session, table, fs, memory int }

func tasksOf(all []of) (tasks []Task) {
	for i, o := range all {
		t := Task{PID: 100 + i, PPID: o.parent, SID: o.session, Table: o.table, FS: o.fs, Space: i, Actions: o.memory}
		if o.memory != 0 {
			t.Space = -o.memory - 1
		}
		tasks = append(tasks, t)
	}
	return tasks
}

func TestBirths(t *testing.T) {
	const files, fs, both, all = unix.CLONE_FILES, unix.CLONE_FS, unix.CLONE_FILES | unix.CLONE_FS, unix.CLONE_VM | unix.CLONE_SIGHAND
	for name, test := range map[string]struct {
		tasks []of
		want  []Birth
	}{
		"alone":                   {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}}, []Birth{{}, {}}},
		"of the dead":             {[]of{{1, 1, 0, 0, 0}, {100, 1, NoIndex, 0, 0}, {100, 1, NoIndex, 0, 0}}, []Birth{{}, {}, {}}},
		"child":                   {[]of{{1, 1, 0, 1, 0}, {100, 1, 0, 1, 0}}, []Birth{{}, {With: both}}},
		"one of two children":     {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {100, 1, 0, 0, 0}}, []Birth{{}, {}, {With: files}}},
		"this with one, and that": {[]of{{1, 1, 0, 0, 0}, {100, 1, 0, 2, 0}, {101, 1, 1, 2, 0}}, []Birth{{}, {With: files}, {With: fs}}},
		"child of who shares not": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {101, 1, 0, 0, 0}}, []Birth{{}, {With: files, Leaves: files}, {With: files}}},
		"siblings":                {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {100, 1, 1, 0, 0}}, []Birth{{Leaves: files}, {With: files}, {With: files}}},
		"two pairs": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {101, 1, 1, 0, 0}, {100, 1, 2, 0, 0}, {103, 1, 2, 0, 0}},
			[]Birth{{}, {}, {With: files}, {}, {With: files}}},
		"a leader":            {[]of{{1, 1, 0, 0, 0}, {100, 101, 0, 0, 0}}, []Birth{{}, {With: files}}},
		"memory":              {[]of{{1, 1, 0, 0, 1}, {100, 1, 1, 0, 1}, {101, 1, 2, 0, 1}}, []Birth{{}, {With: all}, {With: all}}},
		"born before setsid":  {[]of{{1, 1, 0, 0, 0}, {100, 101, 0, 0, 0}, {101, 1, 0, 0, 0}}, []Birth{{}, {With: files}, {With: files}}},
		"cousins of two ages": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {100, 1, 2, 0, 0}, {101, 1, 3, 0, 0}, {102, 1, 3, 0, 0}}, []Birth{{Leaves: files}, {With: files, Leaves: files}, {With: files, Leaves: files}, {With: files}, {With: files}}},
	} {
		births, err := Births(tasksOf(test.tasks))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, b := range births {
			if b != test.want[i] {
				t.Errorf("%s: process %d is born with %#x and leaves %#x, not %+v", name, i, b.With, b.Leaves, test.want[i])
			}
		}
	}
}

func TestUnborn(t *testing.T) {
	for name, test := range map[string]struct {
		tasks []of
		want  string
	}{
		"two pairs of siblings": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {100, 1, 1, 0, 0}, {100, 1, 2, 0, 0}, {100, 1, 2, 0, 0}},
			"with process 101, which could not be had again: it would come to one of them by process 100, which has to do with what process 103 shares with process 104"},
		"across who shares with others": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {101, 1, 0, 0, 0}, {101, 1, 1, 0, 0}},
			"by process 101, which has to do with what process 101 shares with process 103"},
		"memory past who has not": {[]of{{1, 1, 0, 0, 1}, {100, 1, 1, 0, 0}, {101, 1, 2, 0, 1}},
			"process 101, by which it would come to one of them, does not have it"},
		"in a session of its own": {[]of{{1, 1, 0, 0, 0}, {100, 1, 1, 0, 0}, {100, 70, 0, 0, 0}},
			"process 102 is in a session that its parent was never in"},
	} {
		_, err := Births(tasksOf(test.tasks))
		var unborn *UnbornError
		if !errors.As(err, &unborn) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
