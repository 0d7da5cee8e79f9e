// What root does not give a user by an image.

package restore

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/world"
)

const nobody = 4242 // a user whom no machine knows

func ofUser(uid, gid uint32, groups ...uint32) *world.World {
	w := world.One()
	t := &w.Tasks[0]
	t.UIDs, t.GIDs, t.Groups = [4]uint32{uid, uid, uid, uid}, [4]uint32{gid, gid, gid, gid}, groups
	t.Threads = make([]world.Thread, 2)
	return w
}

// Each thing that a user does not have by himself is found, of whichever thread.
func TestGains(t *testing.T) {
	plain := means{limits: [16]uint64{unix.RLIMIT_NOFILE: 1024, unix.RLIMIT_MEMLOCK: 8 << 20}}
	for name, test := range map[string]struct {
		change func(w *world.World)
		want   string
	}{
		"nothing":        {func(*world.World) {}, ""},
		"a group":        {func(w *world.World) { w.Tasks[0].Groups = []uint32{6} }, "groups [6]"},
		"his own group":  {func(w *world.World) { w.Tasks[0].Groups = []uint32{nobody} }, ""},
		"another's":      {func(w *world.World) { w.Tasks[0].GIDs = [4]uint32{} }, "groups [0]"},
		"other users":    {func(w *world.World) { w.Tasks[0].UIDs[2] = 0 }, "other user IDs"},
		"ambient":        {func(w *world.World) { w.Tasks[0].Caps.Ambient = 1 }, "capabilities"},
		"inheritable":    {func(w *world.World) { w.Tasks[0].Caps.Inheritable = 1 }, "capabilities"},
		"secure bits":    {func(w *world.World) { w.Tasks[0].Threads[1].SecureBits = 1 }, "secure bits"},
		"keep caps":      {func(w *world.World) { w.Tasks[0].Threads[1].SecureBits = keepCaps }, ""},
		"nice":           {func(w *world.World) { w.Tasks[0].Threads[1].Sched.Nice = -1 }, "nice value"},
		"less nice":      {func(w *world.World) { w.Tasks[0].Threads[1].Sched.Nice = 1 }, ""},
		"real time":      {func(w *world.World) { w.Tasks[0].Threads[1].Sched.Policy = unix.SCHED_RR }, "real-time scheduling"},
		"I/O":            {func(w *world.World) { w.Tasks[0].Threads[1].Sched.IOPrio = ioRealTime << ioClassShift }, "I/O priority"},
		"killed last":    {func(w *world.World) { w.Tasks[0].OOMScoreAdj = -1 }, "oom_score_adj"},
		"killed first":   {func(w *world.World) { w.Tasks[0].OOMScoreAdj = 1 }, ""},
		"a limit":        {func(w *world.World) { w.Tasks[0].Rlimits[unix.RLIMIT_NOFILE].Max = 1025 }, "resource limit 7"},
		"a lower one":    {func(w *world.World) { w.Tasks[0].Rlimits[unix.RLIMIT_NOFILE].Max = 1024 }, ""},
		"locked memory":  {func(w *world.World) { w.Spaces[0].VMAs = []world.VMA{{End: 16 << 20, VMFlags: "rd lo"}} }, "locked memory"},
		"little of that": {func(w *world.World) { w.Spaces[0].VMAs = []world.VMA{{End: 1 << 20, VMFlags: "rd lo"}} }, ""},
		"his file":       {func(w *world.World) { w.Files = []world.File{temporary(nobody, 0o4755)} }, ""},
		"root's file":    {func(w *world.World) { w.Files = []world.File{temporary(0, 0o644)} }, "of user 0"},
		"set-user-ID":    {func(w *world.World) { w.Files = []world.File{temporary(0, 0o4755)} }, "of user 0"},
	} {
		w := ofUser(nobody, nobody)
		test.change(w)
		got := gains(&w.Tasks[0], w)
		if got == "" {
			got = exceeds(&w.Tasks[0], &w.Spaces[0], plain)
		}
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	w := ofUser(0, 0, 6)
	w.Tasks[0].Threads[0].Sched.Nice, w.Tasks[0].OOMScoreAdj = -20, -1000
	if got := gains(&w.Tasks[0], w) + exceeds(&w.Tasks[0], &w.Spaces[0], plain); got != "" {
		t.Errorf("root gains %q", got)
	}
}

func temporary(uid uint32, mode uint32) world.File {
	return world.File{Path: "/tmp/#7", Ino: 7, Deleted: true, UID: uid, Mode: unix.S_IFREG | mode}
}
