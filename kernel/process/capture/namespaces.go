// Namespaces. A path, an address or a user ID means what the namespaces of the
// program say; it is resumed in those of snapresume. So one that is in others
// is refused (namespaces(7)).
//
// PID namespaces are the exception: a program is resumed by the IDs that it
// sees itself by. As snapresume makes such a namespace, with one for mounts
// that differs in /proc alone and one for users in which everybody is who they
// were, what it resumed there can be taken again.

package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"snappipe/kernel/process/proc"
)

// namespaceKinds are those of /proc/PID/ns, and what they are to a reader.
var namespaceKinds = []struct{ kind, name string }{
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
func (c *capture) checkNamespaces() error {
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
		namespaced := false
		if err == nil {
			namespaced, err = c.checkNamespacesOf(c.pid, tid, who)
		}
		if err != nil && !(tid != c.pid && proc.Exiting(tid)) {
			return err
		}
		c.before.namespaced = c.before.namespaced || namespaced
	}
	return nil
}

// checkBirthplace refuses a thread that is not in the PID namespace in which
// its children would be born. One in which nobody was born yet has no name. Its
// first process would be the twin, with which it would end.
func (c *capture) checkBirthplace(tid int, who string) error {
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
// reports whether it is in a PID namespace of its own, which is no reason to
// refuse it.
func (c *capture) checkNamespacesOf(pid, tid int, who string) (namespaced bool, err error) {
	theirs, err := proc.Namespace(pid, tid, "pid")
	if errors.Is(err, fs.ErrPermission) {
		return false, c.refuseAccess()
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", c.object(), err)
	}
	own, err := proc.Namespace(os.Getpid(), os.Getpid(), "pid")
	if err != nil {
		return false, err
	}
	namespaced = theirs != own
	for _, k := range namespaceKinds {
		own, err := proc.Namespace(os.Getpid(), os.Getpid(), k.kind)
		if isNotExist(err) {
			continue // not in this kernel
		}
		if err != nil {
			return false, err
		}
		theirs, err := proc.Namespace(pid, tid, k.kind)
		if err != nil {
			return false, fmt.Errorf("%s: %w", c.object(), err)
		}
		if theirs != own && !(namespaced && c.harmless(pid, k.kind)) {
			return false, c.refuse("take it from within, see nsenter(1)", "%s is in another %s namespace", who, k.name)
		}
	}
	return namespaced, nil
}

// checkTwinsNamespaces does so for the twin, which has those that the program
// had when it was stopped.
func (c *capture) checkTwinsNamespaces() error {
	_, err := c.checkNamespacesOf(c.twin.PID, c.twin.PID, "it")
	return err
}

// harmless reports whether another namespace is one that snapresume would make
// together with one for PIDs.
func (c *capture) harmless(pid int, kind string) bool {
	switch kind {
	case "mnt":
		theirs, err := mounts(pid)
		if err != nil {
			return false
		}
		ours, err := mounts(os.Getpid())
		return err == nil && slices.Equal(theirs, ours)
	case "user":
		return identity(pid, "uid_map") && identity(pid, "gid_map")
	}
	return false
}

// mounts returns what is mounted where, but for /proc, sorted: a copied
// namespace lists it in another order (proc_pid_mountinfo(5)).
func mounts(pid int) (all []string, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/mountinfo")
	for line := range strings.Lines(string(b)) {
		const device, point = 2, 4 // and the root between them
		if f := strings.Fields(line); len(f) > point && f[point] != "/proc" {
			all = append(all, strings.Join(f[device:point+1], " "))
		}
	}
	slices.Sort(all)
	return all, err
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
