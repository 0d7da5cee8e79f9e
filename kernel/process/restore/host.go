// This file checks whether the image can run on this machine at all: what its
// memory holds of the processor and the kernel must be the same here.

package restore

import (
	"fmt"
	"os"

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

// checkFeatures refuses extended register state that this processor lacks,
// before a thread is found to need it. own is the state of a thread here.
func checkFeatures(h world.Host, own []byte) error {
	if lacking := h.XFeatures &^ world.XFeatures(own); lacking != 0 {
		return kernel.Refuse("the image", "resume it on a processor with the same features",
			"its registers include state components %#x (XCR0), which this processor or kernel lacks", uint64(lacking))
	}
	return nil
}
