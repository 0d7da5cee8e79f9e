// Namespaces. A path, an address or a user ID means what the namespaces of the
// program say; it is resumed in those of snapresume. So one that is in others
// is refused (namespaces(7)).
//
// The exception is what snapresume itself makes for a program that is to have its
// old IDs: a PID namespace for it alone, with one for mounts that differs in /proc,
// one for System V IPC where it has any, and one for users in which everybody is who
// they were and nobody has any rights. What runs in exactly that is kept: it is
// resumed in the same again.

package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"

	"snappipe/kernel/mountinfo"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

type namespaceKind struct{ kind, name string }

// namespaceKinds are those of /proc/PID/ns, and what they are to a reader.
var namespaceKinds = []namespaceKind{
	{"pid", "PID"},
	{"net", "network"},
	{"mnt", "mount"},
	{"uts", "UTS"},
	{"ipc", "IPC"},
	{"user", "user"},
	{"cgroup", "cgroup"},
	{"time", "time"},
	{"time_for_children", "time"},
}

// checkNamespaces compares those of every thread: most can be left by a thread
// alone.
func (c *member) checkNamespaces() error {
	tids, err := proc.Tasks(c.pid)
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	for _, tid := range tids {
		who := "it"
		if tid != c.pid {
			who = fmt.Sprintf("its thread %d", tid)
		}
		err := c.checkBirthplace(tid, who)
		switch {
		case err != nil:
		case c != c.root():
			err = c.checkSameNamespaces(c.pid, tid, who)
		default:
			err = c.checkRootsNamespaces(tid, who)
		}
		if err != nil && !(tid != c.pid && proc.Exiting(tid)) {
			return err
		}
	}
	c.before.namespaced = c.root().before.namespaced
	return nil
}

// checkRootsNamespaces is for a thread of the root, of which the first says what all
// others have to be in.
func (c *member) checkRootsNamespaces(tid int, who string) error {
	namespaced, err := c.checkNamespacesOf(c.pid, tid, who)
	if err != nil || tid != c.pid {
		return err
	}
	c.before.namespaced = namespaced
	c.before.namespaces, err = namespaces(c.pid, tid)
	return err
}

// ownNamespaces are those of this process, which stays in them, in the order of
// namespaceKinds; "" for one that this kernel does not have.
var ownNamespaces = sync.OnceValues(func() (all []string, err error) {
	for _, k := range namespaceKinds {
		name, err := proc.Namespace(os.Getpid(), os.Getpid(), k.kind)
		if err != nil && !proc.IsGone(err) {
			return nil, err
		}
		all = append(all, name)
	}
	return all, nil
})

// namespaces are those of a thread, as [ownNamespaces] are.
func namespaces(pid, tid int) (all []string, err error) {
	own, err := ownNamespaces()
	if err != nil {
		return nil, err
	}
	for i, k := range namespaceKinds {
		name := ""
		if own[i] != "" {
			if name, err = proc.Namespace(pid, tid, k.kind); err != nil {
				return nil, err
			}
		}
		all = append(all, name)
	}
	return all, nil
}

// checkSameNamespaces refuses a thread that is in others than the root is.
func (c *member) checkSameNamespaces(pid, tid int, who string) error {
	all, err := namespaces(pid, tid)
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	own, err := ownNamespaces()
	if err != nil {
		return err
	}
	for i, k := range namespaceKinds {
		same := all[i] == c.root().before.namespaces[i]
		if k.kind == "user" && own[i] != all[i] {
			same = same && powerless(pid)
		}
		if !same {
			return c.refuse("take it from within, see nsenter(1)", "%s is in another %s namespace", who, k.name)
		}
	}
	return nil
}

// checkBirthplace refuses a thread that is not in the PID namespace in which
// its children would be born. One in which nobody was born yet has no name. Its
// first process would be the twin, with which it would end.
func (c *member) checkBirthplace(tid int, who string) error {
	own, err := proc.Namespace(c.pid, tid, "pid")
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	if children, _ := proc.Namespace(c.pid, tid, "pid_for_children"); children != own {
		return c.refuse("", "%s would make its children in another PID namespace", who)
	}
	return nil
}

// checkNamespacesOf compares those of a thread to those of this process, and
// reports whether it is in some that snapresume made for it.
func (c *member) checkNamespacesOf(pid, tid int, who string) (own bool, err error) {
	differ, err := differences(pid, tid)
	if errors.Is(err, fs.ErrPermission) {
		return false, c.refuseAccess()
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", c.object(), err)
	}
	for _, d := range differ {
		own = own || d.kind == "pid"
	}
	for _, d := range differ {
		ok := own
		switch d.kind {
		case "pid":
			ok = c.before.namespaced // as for the first thread: none can leave it
			if tid == pid {
				ok, err = c.alone(pid)
			}
		case "mnt":
			ok = ok && sameMounts(pid)
		case "user":
			ok = ok && powerless(pid)
		case "ipc": // which snapresume made for what it has of System V IPC
		default:
			ok = false
		}
		if err != nil {
			return false, err
		}
		if !ok {
			return false, c.refuse("take it from within, see nsenter(1)", "%s is in another %s namespace", who, d.name)
		}
	}
	return own, nil
}

// differences are the kinds of namespace in which a thread is not in that of
// this process.
func differences(pid, tid int) (differ []namespaceKind, err error) {
	own, err := ownNamespaces()
	if err != nil {
		return nil, err
	}
	theirs, err := namespaces(pid, tid)
	if err != nil {
		return nil, err
	}
	for i, k := range namespaceKinds {
		if theirs[i] != own[i] {
			differ = append(differ, k)
		}
	}
	return differ, nil
}

// checkTwinsNamespaces does so for the twin, which has those that the program
// had when it was stopped.
func (c *member) checkTwinsNamespaces() error {
	c.task.OwnPIDs = c.before.namespaced
	return c.checkSameNamespaces(c.twin.PID, c.twin.PID, "it")
}

// alone reports whether the PID namespace of a process is one that snapresume
// made: one level below this one, with nobody in it but the program, twins of it,
// and a first process that does nothing but keep it.
func (c *member) alone(pid int) (bool, error) {
	const levels = 2
	s, err := proc.ReadStatus(pid)
	if err != nil {
		return false, err
	}
	ids := s.Numbers("NSpid")
	if len(ids) != levels || ids[1] == 1 {
		return false, nil
	}
	theirs, err := proc.Namespace(pid, pid, "pid")
	if err != nil {
		return false, err
	}
	pids, err := proc.Processes()
	if err != nil {
		return false, err
	}
	kept := false
	for _, p := range pids {
		if ns, err := proc.Namespace(p, p, "pid"); err != nil || ns != theirs {
			continue // or it has ended, or is another user's
		}
		stat, err := proc.ReadStat(p)
		first := err == nil && stat.Comm == world.KeeperName
		kept = kept || first
		if err == nil && !first && p != pid && !c.isTaken(p) && !ptrace.IsTwin(stat) && !isEnding(p) {
			return false, nil
		}
	}
	return kept, nil
}

// isTaken reports whether a process is of the tree, as one is that descends from
// the root.
func (t *tree) isTaken(pid int) bool {
	tries := 3
	for at := pid; !t.has(at); {
		s, err := proc.ReadStat(at)
		switch {
		case err != nil && at != pid && tries > 0:
			at = pid // its child has another parent by now
			tries--
			continue
		case err != nil || s.Parent() == 0:
			return false
		}
		at = s.Parent()
	}
	return true
}

// sameMounts reports whether what is mounted where, and how, is the same for a
// process, but for one /proc.
func sameMounts(pid int) bool {
	theirs, theirProc, err := mounts(pid)
	if err != nil {
		return false
	}
	ours, ourProc, err := mounts(os.Getpid())
	return err == nil && maps.Equal(theirs, ours) && theirProc >= 1 && theirProc <= ourProc+1
}

// mounts says how many there are of each, in whatever order: a copied namespace
// lists them in another (proc_pid_mountinfo(5)). Those on /proc itself are counted
// apart.
func mounts(pid int) (all map[mountinfo.Mount]int, onProc int, err error) {
	list, err := proc.Mounts(pid)
	all = make(map[mountinfo.Mount]int, len(list))
	for _, m := range list {
		if m.Point == "/proc" && m.Type == "proc" {
			onProc++
		} else {
			all[m]++
		}
	}
	return all, onProc, err
}

// powerless reports whether a user namespace, in which a process is, leaves
// everybody who they are, and the process has no rights in it: outside they would
// be real ones.
func powerless(pid int) bool {
	s, err := proc.ReadStatus(pid)
	if err != nil {
		return false
	}
	inheritable, permitted, _, _, ambient := s.Capabilities()
	return inheritable|permitted|ambient == 0 && identity(pid, "uid_map") && identity(pid, "gid_map")
}

// identity reports whether all that a map of user_namespaces(7) maps stays
// what it is.
func identity(pid int, name string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) != 3 || f[0] != f[1] {
			return false
		}
	}
	return len(b) > 0
}

// checkRoot refuses a process with a root of its own: a resume has that of
// snapresume, where its paths mean other files.
func (c *member) checkRoot() error {
	root, _, err := proc.Link(c.pid, "root")
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	var own, theirs unix.Stat_t
	if err := unix.Stat("/", &own); err != nil {
		return err
	}
	if err := unix.Stat(fmt.Sprintf("/proc/%d/root/", c.pid), &theirs); err != nil {
		return fmt.Errorf("%s: its root directory: %w", c.object(), err)
	}
	if root != "/" || own.Dev != theirs.Dev || own.Ino != theirs.Ino {
		return c.refuse("take it and resume it from within, see chroot(1)", "it has a root directory of its own, %s", root)
	}
	return nil
}
