// This file keeps apart what an image asks for and what may be given: nobody gets more
// by an image than he has. To others than root the kernel sees to that. Root may give
// anything, so that what no user has by himself is only given on demand.

package restore

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// checkRights refuses what the user may not become.
func checkRights(p *world.Task, w *world.World, o kernel.Options) error {
	if p.Root != "" && p.Root != "/" {
		return kernel.Refuse("root directory "+string(p.Root), "", "a process with a root of its own cannot be resumed")
	}
	euid := os.Geteuid()
	if euid != 0 {
		return checkUser(p, euid, o)
	}
	if o.Trusted || o.Force {
		return nil
	}
	gained := gains(p, w)
	if gained == "" {
		own, err := ownMeans()
		if err != nil {
			return err
		}
		gained = exceeds(p, &w.Spaces[p.Space], own)
	}
	if gained == "" {
		return nil
	}
	return kernel.Refuse(fmt.Sprintf("process %d, of user %d", p.PID, p.UIDs[0]),
		"--trust resumes it if somebody whom you trust has signed the image, --force in any case",
		"it has %s, which an image must not hand out", gained)
}

// checkUser is for anybody but root, who can only be himself.
func checkUser(p *world.Task, euid int, o kernel.Options) error {
	for _, id := range p.UIDs {
		if int(id) != euid {
			return kernel.Refuse("user "+strconv.Itoa(int(id)), "resume as that user or as root",
				"the process ran as it, and this is user %d", euid)
		}
	}
	for _, id := range p.GIDs {
		if int(id) != os.Getegid() {
			return kernel.Refuse("group "+strconv.Itoa(int(id)), "resume as that group or as root",
				"the process ran as it, and this is group %d", os.Getegid())
		}
	}
	own, err := os.Getgroups()
	if err != nil {
		return fmt.Errorf("getgroups: %w", err)
	}
	if !sameSet(own, p.Groups) {
		o.Warn(fmt.Sprintf("not restored, for want of privilege: groups %v of process %d, which has those of snapresume, %v", p.Groups, p.PID, own))
	}
	if c := p.Caps; c.Permitted|c.Inheritable|c.Ambient != 0 && !sameCaps(c) {
		o.Warn(fmt.Sprintf("not restored, for want of privilege: capabilities %#x of process %d", uint64(c.Permitted), p.PID))
	}
	return nil
}

func sameSet(own []int, groups []uint32) bool {
	var theirs []int
	for _, g := range groups {
		theirs = append(theirs, int(g))
	}
	slices.Sort(own)
	slices.Sort(theirs)
	return slices.Equal(slices.Compact(own), slices.Compact(theirs))
}

// gains says what a process has that its user does not have by himself, as a
// set-user-ID program or file capabilities give it, or "". Root has all there is.
func gains(p *world.Task, w *world.World) string {
	c, uid := &p.Caps, p.UIDs[0]
	switch {
	case p.UIDs != [4]uint32{uid, uid, uid, uid}:
		return fmt.Sprintf("other user IDs besides, %v", p.UIDs)
	case p.GIDs != [4]uint32{p.GIDs[0], p.GIDs[0], p.GIDs[0], p.GIDs[0]}:
		return fmt.Sprintf("several group IDs, %v", p.GIDs)
	case uid == 0:
		return ""
	case c.Permitted|c.Effective|c.Inheritable|c.Ambient != 0:
		return "capabilities"
	}
	for i := range p.Threads {
		if bits := p.Threads[i].SecureBits &^ keepCaps; bits != 0 {
			return fmt.Sprintf("secure bits %#x", bits)
		}
	}
	if groups := foreignGroups(p); groups != nil {
		return fmt.Sprintf("groups %v, of which user %d is no member", groups, uid)
	}
	for i := range w.Files {
		if f := &w.Files[i]; object.IsTemporary(f) && f.Content != world.NoIndex && f.UID != uid && foreignFile(f, w) {
			return fmt.Sprintf("%s, a file without a name of user %d, mode %#o", f.Path, f.UID, f.Mode&0o7777)
		}
	}
	return ""
}

// foreignFile reports whether a file that is made of the image would be more than the
// processes could make: another user's or, by its mode, with his rights.
func foreignFile(f *world.File, w *world.World) bool {
	isTheirs := slices.ContainsFunc(w.Tasks, func(t world.Task) bool { return !t.Dead() && t.UIDs[0] == f.UID })
	return !isTheirs || f.Mode&(unix.S_ISUID|unix.S_ISGID) != 0
}

// foreignGroups are those that a user is not a member of by /etc/passwd and /etc/group.
// A group of the user's own that nobody has a name for, as of a service with a dynamic
// user, is none.
func foreignGroups(p *world.Task) (foreign []uint32) {
	var member []string
	if u, err := user.LookupId(strconv.Itoa(int(p.UIDs[0]))); err == nil {
		member, _ = u.GroupIds() // of an unreadable list, it is no member
		member = append(member, u.Gid)
	}
	gid := p.GIDs[0]
	if _, err := user.LookupGroupId(strconv.Itoa(int(gid))); err != nil {
		member = append(member, strconv.Itoa(int(gid)))
	}
	for _, g := range append([]uint32{gid}, p.Groups...) {
		if !slices.Contains(member, strconv.Itoa(int(g))) && !slices.Contains(foreign, g) {
			foreign = append(foreign, g)
		}
	}
	return foreign
}

// means are what one process has more of than another, and root may give at will.
type means struct {
	nice, oomScoreAdj int
	policy            uint32
	limits            [16]uint64 // hard ones, by number
}

// ownMeans are those of this process.
func ownMeans() (m means, err error) {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return m, fmt.Errorf("reading the scheduling of this process: %w", err)
	}
	m.nice, m.policy = int(attr.Nice), attr.Policy
	adj, err := proc.Number(os.Getpid(), "oom_score_adj", 10)
	if err != nil {
		return m, err
	}
	m.oomScoreAdj = int(adj)
	for n := range m.limits {
		var l unix.Rlimit
		if err := unix.Getrlimit(n, &l); err != nil {
			return m, fmt.Errorf("reading resource limit %d: %w", n, err)
		}
		m.limits[n] = l.Max
	}
	return m, nil
}

// exceeds says what a process of another user has more of than this one, or "".
func exceeds(p *world.Task, s *world.Space, own means) string {
	if p.UIDs[0] == 0 {
		return ""
	}
	if p.OOMScoreAdj < own.oomScoreAdj {
		return fmt.Sprintf("oom_score_adj %d, below that of snapresume, %d", p.OOMScoreAdj, own.oomScoreAdj)
	}
	for n, l := range p.Rlimits {
		if uint64(l.Max) > own.limits[n] {
			return fmt.Sprintf("resource limit %d of %d, above that of snapresume, %d", n, uint64(l.Max), own.limits[n])
		}
	}
	if n := lockedBytes(s); n > own.limits[unix.RLIMIT_MEMLOCK] {
		return fmt.Sprintf("%d bytes of locked memory, more than snapresume may lock, %d", n, own.limits[unix.RLIMIT_MEMLOCK])
	}
	for i := range p.Threads {
		q := &p.Threads[i].Sched
		switch {
		case world.IsRealTime(q.Policy) && !world.IsRealTime(own.policy):
			return fmt.Sprintf("real-time scheduling, policy %d", q.Policy)
		case int(q.Nice) < own.nice && !world.IsRealTime(q.Policy):
			return fmt.Sprintf("a nice value of %d, below that of snapresume, %d", q.Nice, own.nice)
		case q.IOPrio>>ioClassShift == ioRealTime:
			return fmt.Sprintf("real-time I/O priority, %#x", q.IOPrio)
		}
	}
	return ""
}

// The class of an I/O priority, include/uapi/linux/ioprio.h.
const ioClassShift, ioRealTime = 13, 1

// lockedBytes is how much of an address space is locked.
func lockedBytes(s *world.Space) (n uint64) {
	for i := range s.VMAs {
		if v := &s.VMAs[i]; has(v, "lo") {
			n += uint64(v.End - v.Start)
		}
	}
	return n
}
