// Kernels by name, and what can be asked of one.

package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Options are what the user of a tool asked of the kernel beyond the target.
// A kernel ignores what has no meaning for it.
type Options struct {
	Force   bool // drop what can be dropped, overwrite what exists
	Check   bool // resume: do everything short of resuming
	Detach  bool // resume: leave what was resumed running on its own
	SamePID bool // resume: insist on the same process IDs

	// Stdio: resume of a program: where its standard descriptors lead.
	// Source is the file that the image is read from, if it is read from one:
	// that is never among them.
	Stdio  Stdio
	Source os.FileInfo

	// Trusted: resume: all of the image has been verified, and it is signed by
	// somebody whom the user, or the owner of this machine, trusts.
	Trusted bool

	// DropFDs: snapshot of a process: descriptors to leave out. Only: without the
	// processes that descend from it. Precopy: copying memory before it is stopped.
	DropFDs []int
	Only    bool
	Precopy bool

	// FreezeFilesystems: snapshot of a system: file systems in use are
	// frozen before it, and stay so until the image has been stored. Then
	// says what follows: "stay", "poweroff" or "reboot". "kill" is for a process, which
	// stands still until then, and ends.
	FreezeFilesystems bool
	Then              string

	// DropCaches: snapshot of a system: without what is in memory of files, and on
	// their disks as well.
	DropCaches bool

	// DiskSnapshots: with FreezeFilesystems and "stay": keeps what the disks are like
	// while the system goes on, and a resume makes them so again.
	DiskSnapshots bool

	// Report is told in one line what the user may want to know ("paused
	// for 3.1 ms"). It is never nil when a kernel sees it.
	Report func(line string)
	// Warn is told in one line what is lost, which the user has to know
	// ("dropped: fd 7, a TCP connection to 10.0.0.1:80"). It is never nil
	// either.
	Warn func(line string)
}

// Opener makes the Kernel for what follows the colon in a target; target is
// "" where there was none.
type Opener func(target string, o Options) (Kernel, error)

type driver struct {
	open  Opener
	usage string
}

var drivers = map[string]driver{}

// Register makes a kernel known by name, with its target as a usage message
// shows it ("process:PID"). It is called from init functions and panics if
// the name is taken.
func Register(name, usage string, open Opener) {
	if _, dup := drivers[name]; dup {
		panic("kernel: " + name + " is registered twice")
	}
	drivers[name] = driver{open, usage}
}

// others opens what no registered kernel does.
var others Opener

// RegisterOthers makes known what opens the targets of all other kernels. It is
// given all of a target, with the name, and gives what [NoKernel] does where it
// knows none of that name.
func RegisterOthers(open Opener) { others = open }

// Targets lists what Open takes, as usage messages show it, sorted.
func Targets() []string {
	var all []string
	for _, d := range drivers {
		all = append(all, d.usage)
	}
	slices.Sort(all)
	return all
}

// TargetError says that a target is not one that can be opened: the user
// mistyped it.
type TargetError struct{ Target, Reason string }

func (e *TargetError) Error() string { return fmt.Sprintf("target %q: %s", e.Target, e.Reason) }

// Open returns the kernel that target names: "machine", "process:1234",
// "file:core". A target that makes no sense gives a [*TargetError].
func Open(target string, o Options) (Kernel, error) {
	name, rest, _ := strings.Cut(target, ":")
	d, ok := drivers[name]
	if o.Report == nil {
		o.Report = func(string) {}
	}
	if o.Warn == nil {
		o.Warn = o.Report
	}
	switch {
	case ok:
		return d.open(rest, o)
	case others != nil:
		return others(target, o)
	}
	return nil, NoKernel(target, "")
}

// NoKernel says that there is no kernel for target, and what else was found
// missing.
func NoKernel(target, missing string) error {
	return &TargetError{target, "there is no such kernel here; there are " + strings.Join(Targets(), ", ") + missing}
}
