package restore

// This file sets capabilities(7).

import (
	"math/bits"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/image"
	"snappipe/kernel/process/proc"
)

// sameCaps reports whether these are the capabilities of this process, and so
// of what it starts.
func sameCaps(c image.Caps) bool {
	s, err := proc.ReadStatus(os.Getpid())
	return err == nil && c == image.Caps{
		Inheritable: image.Hex(s.Bits("CapInh", 16)),
		Permitted:   image.Hex(s.Bits("CapPrm", 16)),
		Effective:   image.Hex(s.Bits("CapEff", 16)),
		Bounding:    image.Hex(s.Bits("CapBnd", 16)),
		Ambient:     image.Hex(s.Bits("CapAmb", 16)),
	}
}

// dropBounding limits what the thread can ever get. The kernel has no call to
// raise it again, so capabilities that are lacking here stay so.
func (t *task) dropBounding(keep image.Hex) error {
	for n := uint64(0); n < 64; n++ {
		if keep&(1<<n) != 0 {
			continue
		}
		if err := t.call("PR_CAPBSET_DROP", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, n, 0, 0, 0); err != nil {
			return ignore(err, unix.EINVAL) // beyond the last that there is
		}
	}
	return nil
}

// setCapabilities sets all but the bounding set.
func (t *task) setCapabilities(c image.Caps) error {
	const version3 = 0x20080522 // _LINUX_CAPABILITY_VERSION_3
	// struct __user_cap_data_struct, twice: the low halves of effective,
	// permitted and inheritable, then the high ones.
	low, high := uint64(1<<32-1), uint64(32)
	e, p, i := uint64(c.Effective), uint64(c.Permitted), uint64(c.Inheritable)
	data := words(e&low|p<<high, i&low|e>>high<<high, p>>high|i>>high<<high)
	at, err := t.stub.lay(words(version3), data)
	if err != nil {
		return err
	}
	if err := t.call("capset", unix.SYS_CAPSET, at[0], at[1]); err != nil {
		return err
	}
	for left := uint64(c.Ambient); left != 0; left &= left - 1 {
		n := uint64(bits.TrailingZeros64(left))
		if err := t.call("PR_CAP_AMBIENT_RAISE", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, n, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
