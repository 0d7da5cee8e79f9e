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
		if err := c.checkNamespacesOf(tid); err != nil && !(tid != c.pid && proc.Exiting(tid)) {
			return err
		}
	}
	return nil
}

func (c *capture) checkNamespacesOf(tid int) error {
	who := "it"
	if tid != c.pid {
		who = fmt.Sprintf("its thread %d", tid)
	}
	theirs, err := proc.Namespace(c.pid, tid, "pid")
	if errors.Is(err, fs.ErrPermission) {
		return c.refuseAccess()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.object(), err)
	}
	own, err := proc.Namespace(os.Getpid(), os.Getpid(), "pid")
	if err != nil {
		return err
	}
	c.before.namespaced = theirs != own
	// One that nobody has been born in yet has no name. Its first process
	// would be the twin, with which it would end.
	if children, _ := proc.Namespace(c.pid, tid, "pid_for_children"); children != theirs {
		return c.refuse("", "%s would make its children in another PID namespace", who)
	}
	for _, k := range namespaceKinds {
		own, err := proc.Namespace(os.Getpid(), os.Getpid(), k.kind)
		if isNotExist(err) {
			continue // not in this kernel
		}
		if err != nil {
			return err
		}
		theirs, err := proc.Namespace(c.pid, tid, k.kind)
		if err != nil {
			return fmt.Errorf("%s: %w", c.object(), err)
		}
		if theirs != own && !(c.before.namespaced && c.harmless(k.kind)) {
			return c.refuse("take it from within, see nsenter(1)", "%s is in another %s namespace", who, k.name)
		}
	}
	return nil
}

// harmless reports whether another namespace is one that snapresume would make
// together with one for PIDs.
func (c *capture) harmless(kind string) bool {
	switch kind {
	case "mnt":
		theirs, err := mounts(c.pid)
		if err != nil {
			return false
		}
		ours, err := mounts(os.Getpid())
		return err == nil && slices.Equal(theirs, ours)
	case "user":
		return identity(c.pid, "uid_map") && identity(c.pid, "gid_map")
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
