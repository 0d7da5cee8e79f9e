package machine

// What became of a job, in words that help.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// outcome tells how taking an image went; ErrResumed is how it went in the
// system that came back from it.
func (j *job) outcome() error {
	switch {
	case j.errno != 0:
		return j.failure()
	case j.inSuspend == 0:
		return kernel.ErrResumed
	case j.got != j.size || j.size == 0:
		return fmt.Errorf("read the image from %s: it ends after %d of %d bytes", device, j.got, j.size)
	}
	return nil
}

func (j *job) stoodStill() time.Duration {
	return time.Duration(j.thawed.Nano() - j.frozen.Nano())
}

// failure explains why step j.step failed. The machine has been thawed, or
// was never frozen.
func (j *job) failure() error {
	switch {
	case j.step == stepOpen:
		return cannotOpen(j.errno)
	case j.step == stepFreeze && j.errno == unix.EBUSY:
		return kernel.Refuse("the machine", "end or wake what they wait for, then try again",
			"not all of its processes could be stopped%s", stuck())
	case j.step == stepCreate && j.errno == unix.ENOMEM, j.step == stepRead && j.errno == unix.EFAULT, j.step == stepRead && j.errno == unix.ENOMEM:
		return j.tooLittleMemory()
	case j.step == stepRestore && j.errno == unix.EPERM:
		return kernel.Refuse("the image", "", "the kernel does not take it: it is not complete")
	}
	return fmt.Errorf("%v by %s: %w", j.step, device, j.errno)
}

func (j *job) tooLittleMemory() error {
	m, err := readMeminfo()
	if err != nil {
		return err
	}
	const advice = "end programs that need much memory; page cache goes by itself"
	if j.size == 0 {
		return kernel.Refuse("memory", advice,
			"the kernel cannot make an atomic image: of %d MiB in all, %d MiB are in use, and no more than a third can be in an image that is copied",
			m.total>>20, (m.total-m.available)>>20)
	}
	return kernel.Refuse("memory", advice,
		"the image has %d MiB, and no room was left to copy it to after %d MiB: it is needed three times (in use, in the kernel, in the copy), and there are %d MiB in all",
		j.size>>20, j.got>>20, m.total>>20)
}

// stuck names the tasks that sleep where nothing can wake them, which is what
// keeps a machine from being frozen.
func stuck() string {
	all, err := readAll("/proc/[0-9]*/task/[0-9]*/stat")
	if err != nil {
		return ""
	}
	var names []string
	for _, p := range all {
		if p.state == 'D' {
			names = append(names, p.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; in uninterruptible sleep: " + strings.Join(names, ", ")
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
		return kernel.Refuse(device, "wait until that is done", "it is in use%s", holders())
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
func holders() string {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	var names []string
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != device {
			continue
		}
		pid := strings.Split(link, "/")[2]
		comm, _ := os.ReadFile("/proc/" + pid + "/comm") // "" if it has just ended
		names = append(names, fmt.Sprintf("pid %s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	if len(names) == 0 {
		return ", by a hibernation under way or a process that cannot be seen"
	}
	return " by " + strings.Join(names, ", ")
}
