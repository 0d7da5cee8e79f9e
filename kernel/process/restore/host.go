// This file checks whether the image can run on this machine at all: what its
// memory holds of the processor and the kernel must be the same here.

package restore

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"
)

// checkFacts checks what the stream's header says. A flat image comes without
// facts; then the image's own headers are checked alone.
func checkFacts(f kernel.Facts, o kernel.Options) error {
	return checkHost(world.Host{Arch: f.Get("arch"), Release: f.Get("kernel-release"), VDSO: f.Get("vdso")}, o)
}

// checkHost checks what h says; what it does not say is not checked.
func checkHost(h world.Host, o kernel.Options) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	if own := unix.ByteSliceToString(u.Machine[:]); h.Arch != "" && h.Arch != own {
		return kernel.Refuse("the image", "", "it is of a process on %s, and this machine is %s", h.Arch, own)
	}
	if err := checkRelease(h.Release, o); err != nil {
		return err
	}
	if h.VDSO == "" {
		return nil
	}
	own, err := vdsoHash()
	if err != nil {
		return err
	}
	if h.VDSO != own {
		return kernel.Refuse("the image", "resume it under the kernel it was taken on",
			"the vdso in its memory is not that of this kernel")
	}
	return nil
}

func checkRelease(release string, o kernel.Options) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	own := unix.ByteSliceToString(u.Release[:])
	if release == "" || release == own {
		return nil
	}
	if !o.Force {
		return kernel.Refuse("the image", "--force tries it", "it was taken under Linux %s, and this is %s", release, own)
	}
	o.Warn(fmt.Sprintf("the image was taken under Linux %s, and this is %s", release, own))
	return nil
}

// vdsoHash is that of the vdso of this process, which is the same in every one.
func vdsoHash() (string, error) {
	maps, err := proc.Maps(os.Getpid())
	if err != nil {
		return "", err
	}
	mem, err := ptrace.OpenMemory(os.Getpid())
	if err != nil {
		return "", err
	}
	defer mem.Close()
	return ptrace.VDSOHash(maps, mem)
}

// checkRights refuses what the user may not become.
func checkRights(p *world.Task, o kernel.Options) error {
	euid := os.Geteuid()
	if p.Root != "" && p.Root != "/" {
		return kernel.Refuse("root directory "+string(p.Root), "", "a process with a root of its own cannot be resumed")
	}
	if gained := gains(p); euid == 0 && gained != "" && !o.Trusted && !o.Force {
		return kernel.Refuse(fmt.Sprintf("process %d, of user %d", p.PID, p.UIDs[0]),
			"--trust resumes it if somebody whom you trust has signed the image, --force in any case",
			"it has %s, which an image must not hand out", gained)
	}
	if euid == 0 {
		return nil
	}
	for _, id := range p.UIDs {
		if int(id) != euid {
			return kernel.Refuse("user "+strconv.Itoa(int(id)), "resume as that user or as root",
				"the process ran as it, and this is user %d", euid)
		}
	}
	for _, id := range p.GIDs {
		if int(id) != os.Getegid() {
			return kernel.Refuse("group "+strconv.Itoa(int(id)), "resume as that group or as root",
				"the process ran as it, and this is group %d", os.Getegid())
		}
	}
	return nil
}

// gains says what a process has that its user does not have by himself, as a
// set-user-ID program or file capabilities give it, or "". Root has all there is.
func gains(p *world.Task) string {
	c := &p.Caps
	switch {
	case p.UIDs != [4]uint32{p.UIDs[0], p.UIDs[0], p.UIDs[0], p.UIDs[0]}:
		return fmt.Sprintf("other user IDs besides, %v", p.UIDs)
	case p.GIDs != [4]uint32{p.GIDs[0], p.GIDs[0], p.GIDs[0], p.GIDs[0]}:
		return fmt.Sprintf("several group IDs, %v", p.GIDs)
	case p.UIDs[0] != 0 && c.Permitted|c.Effective|c.Inheritable|c.Ambient != 0:
		return "capabilities"
	}
	return ""
}

// checkFeatures refuses extended register state that this processor lacks,
// before a thread is found to need it. own is the state of a thread here.
func checkFeatures(h world.Host, own []byte) error {
	if lacking := h.XFeatures &^ world.XFeatures(own); lacking != 0 {
		return kernel.Refuse("the image", "resume it on a processor with the same features",
			"its registers include state components %#x (XCR0), which this processor or kernel lacks", uint64(lacking))
	}
	return nil
}
