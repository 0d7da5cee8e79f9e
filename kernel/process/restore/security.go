// This file is about what a process may and may not do that comes to it from
// where it was started, and that nobody can give it later: a label of a security
// module, and keys.

package restore

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
)

// checkOrigin refuses to resume a program with others than it had.
func (p *process) checkOrigin() error {
	for _, check := range []func() (object, advice, reason string){p.labelDiffers, p.keyringDiffers} {
		object, advice, reason := check()
		if reason == "" {
			continue
		}
		if !p.options.Force {
			return kernel.Refuse(object, advice+", or --force", "%s", reason)
		}
		p.options.Warn(object + ": " + reason)
	}
	return nil
}

// labelDiffers looks at the stub, which has the label that the policy gives a
// program when it is executed.
func (p *process) labelDiffers() (object, advice, reason string) {
	want := string(p.task.Label)
	own, err := proc.Label(p.stub.pid)
	if want == "" || err == nil && own == want {
		return "", "", ""
	}
	return "security label " + want, "resume it from where programs get that: a service of the same kind, runcon(1), aa-exec(1)",
		fmt.Sprintf("it is lost: the program would have %q here", own)
}

// keyringDiffers looks at the session keyring that the stub has from here.
func (p *process) keyringDiffers() (object, advice, reason string) {
	want := p.task.Keyring
	if want == 0 {
		return "", "", ""
	}
	const getID, session = 0, ^uint64(2) // KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING
	own, err := p.stub.Call(unix.SYS_KEYCTL, getID, session, 0)
	if err == nil && int(int32(own)) == want {
		return "", "", ""
	}
	return fmt.Sprintf("session keyring %d", want), "resume it in the session that has that keyring, see keyctl(1)",
		"the program had keys in it, and this session has another"
}

// leaveKeys takes the session keyring of this process away from a process of another
// user, which would possess all keys in it otherwise (session-keyring(7)). It has a
// new one, which is what pam_keyinit(8) gives a user whom root becomes.
func (p *process) leaveKeys() error {
	if p.task.Keyring != 0 || p.task.UIDs[0] == uint32(os.Geteuid()) {
		return nil
	}
	const join = 1 // KEYCTL_JOIN_SESSION_KEYRING
	_, err := p.stub.call("KEYCTL_JOIN_SESSION_KEYRING", unix.SYS_KEYCTL, join, 0)
	return sys.Ignore(err, unix.ENOSYS)
}
