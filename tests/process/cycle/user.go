// Who takes the snapshot and resumes it: root, or somebody without any right
// but to their own processes.

package cycle

import (
	"os"
	"syscall"
)

// User is whom programs and tools run as.
type User struct {
	Name string
	id   uint32
}

// The users to try. Nobody has neither rights nor other processes.
var (
	Root         = User{"root", 0}
	Unprivileged = User{"unprivileged", 65534}
)

// Users are those that the tests can run as: as root both, else only the one
// who runs them.
func Users() []User {
	if uid := os.Getuid(); uid != 0 {
		return []User{{Unprivileged.Name, uint32(uid)}}
	}
	return []User{Root, Unprivileged}
}

// attributes makes a command run as u.
func (u User) attributes() *syscall.SysProcAttr {
	if os.Getuid() != 0 || u.id == 0 {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.id, Gid: u.id}}
}

// own gives a file to u.
func (u User) own(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(path, int(u.id), int(u.id))
}
