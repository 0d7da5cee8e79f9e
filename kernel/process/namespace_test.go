// Programs in namespaces of their own.

package process

import (
	"os"
	"testing"

	"snappipe/kernel"

	"golang.org/x/sys/unix"
)

// A program in a PID namespace that is not snapresume's is refused: as its first
// process, among others, or with other mounts.
func TestPIDNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make namespaces by themselves")
	}
	const own = `
		MUST(mount("none", "/", 0, MS_REC | MS_PRIVATE, 0));
		MUST(mount("proc", "/proc", "proc", 0, 0));`
	for _, setup := range []string{own, own + `MUST(mount("none", "/mnt", "tmpfs", 0, 0));`} {
		pid := startIn(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS, setup)
		_, err := snapshot(t, pid, kernel.Options{})
		refused(t, err, "target", "another PID namespace")
		goesOn(t, pid)
	}
}
