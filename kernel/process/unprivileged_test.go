// The same tests once more, without privilege.

package process

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// All of it works without any privilege too, for programs of the same user.
// (Run by another user than root, the tests are that already.)
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	cmd := exec.Command("/proc/self/exe", "-test.run=^(TestState|TestRefusals)$")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Env = append(os.Environ(), "HOME=/nonexistent", "TMPDIR=/tmp")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}
