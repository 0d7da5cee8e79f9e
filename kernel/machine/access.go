// Whether the kernel lets us use /dev/snapshot, and if not, why.

package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// available refuses where it can be known that nothing will come of it. Only
// a kernel without the two system calls needs the device, but whoever has it
// open keeps others from the calls as well.
func available() error {
	switch err := unix.Access(device, unix.R_OK|unix.W_OK); {
	case hasCalls():
		if len(holders()) > 0 {
			return cannotOpen(unix.EBUSY)
		}
	case errors.Is(err, unix.ENOENT):
		return cannotOpen(unix.ENOENT)
	case err != nil:
		return cannotOpen(unix.EACCES)
	}
	b, err := os.ReadFile("/sys/power/disk")
	if err != nil {
		return kernel.Refuse(device, "use a kernel with CONFIG_HIBERNATION", "this kernel has no hibernation: %v", err)
	}
	if strings.Contains(string(b), "[disabled]") {
		return cannotOpen(unix.EPERM)
	}
	return nil
}

// cannotOpen explains why /dev/snapshot would not open: snapshot_open in
// kernel/power/user.c.
func cannotOpen(errno syscall.Errno) error {
	switch {
	case errors.Is(errno, unix.ENOENT), errors.Is(errno, unix.ENODEV), errors.Is(errno, unix.ENXIO):
		return kernel.Refuse(device, "use a kernel with CONFIG_HIBERNATION_SNAPSHOT_DEV", "this kernel has no such device")
	case errors.Is(errno, unix.EACCES):
		return kernel.Refuse(device, "run as root", "no permission to use it")
	case errors.Is(errno, unix.EPERM):
		return kernel.Refuse(device, "", "the kernel does not allow hibernation%s", whyNot())
	case errors.Is(errno, unix.EBUSY):
		by := "a hibernation under way or a process that cannot be seen"
		if names := holders(); len(names) > 0 {
			by = strings.Join(names, ", ")
		}
		return kernel.Refuse(device, "wait until that is done", "it is in use by %s", by)
	}
	return fmt.Errorf("open %s: %w", device, errno)
}

// whyNot says what hibernation_available() in kernel/power/hibernate.c looks
// at, as far as it can be seen from here.
func whyNot() string {
	if b, err := os.ReadFile("/proc/cmdline"); err == nil {
		for _, word := range strings.Fields(string(b)) {
			if word == "nohibernate" || word == "hibernate=no" {
				return ": it was booted with " + word
			}
		}
	}
	if b, err := os.ReadFile("/sys/kernel/security/lockdown"); err == nil && !strings.Contains(string(b), "[none]") {
		return ": it is locked down (" + strings.TrimSpace(string(b)) + ")"
	}
	if unix.Geteuid() != 0 {
		return " to this user"
	}
	return ": is a program using memfd_secret(2), or this a container without CAP_SYS_ADMIN?"
}

// holders names the processes that have the device open.
func holders() (names []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != device {
			continue
		}
		pid := strings.Split(link, "/")[2]
		comm, _ := os.ReadFile("/proc/" + pid + "/comm") // "" if it has just ended
		names = append(names, fmt.Sprintf("pid %s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	return names
}
