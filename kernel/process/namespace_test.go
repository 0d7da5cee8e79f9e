package process

import (
	"os"
	"testing"

	"snappipe/kernel"

	"golang.org/x/sys/unix"
)

// A program in a PID namespace is taken by the IDs it has there, with the
// /proc that belongs to it; with other mounts it is not.
func TestPIDNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make namespaces by themselves")
	}
	const own = `
		MUST(mount("none", "/", 0, MS_REC | MS_PRIVATE, 0));
		MUST(mount("proc", "/proc", "proc", 0, 0));`
	pid := startIn(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS, own)
	if img, _ := decode(t, pid, kernel.Options{}); img.Process.PID != 1 {
		t.Errorf("the process ID in the image is %d", img.Process.PID)
	}
	goesOn(t, pid)

	pid = startIn(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS, own+`MUST(mount("none", "/mnt", "tmpfs", 0, 0));`)
	_, err := snapshot(t, pid, kernel.Options{})
	refused(t, err, "target", "another mount namespace")
	goesOn(t, pid)
}
