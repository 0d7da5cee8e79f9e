// This file sets capabilities(7).

package restore

import (
	"math/bits"
	"os"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// sameCaps reports whether these are the capabilities of this process, and so
// of what it starts.
func sameCaps(c world.Caps) bool {
	s, err := proc.ReadStatus(os.Getpid())
	return err == nil && c == world.MakeCaps(s.Capabilities())
}

// dropBounding limits what the thread can ever get. The kernel has no call to
// raise it again, so capabilities that are lacking here stay so.
func (t *thread) dropBounding(keep world.Hex) error {
	for n := uint64(0); n < 64; n++ {
		if keep&(1<<n) != 0 {
			continue
		}
		if err := t.call("PR_CAPBSET_DROP", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, n, 0, 0, 0); err != nil {
			return sys.Ignore(err, unix.EINVAL) // beyond the last that there is
		}
	}
	return nil
}

// setCapabilities sets all but the bounding set.
func (t *thread) setCapabilities(c world.Caps) error {
	if err := t.capset(c); err != nil {
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

// keepCaps is SECBIT_KEEP_CAPS, include/uapi/linux/securebits.h: the only one
// of the secure bits (capabilities(7)) that anybody may set.
const keepCaps = 1 << 4

// secure sets the others. They say what capabilities come and go by, so all
// that c has is raised before, by the capabilities that root has until capset.
func (t *thread) secure(bits uint32, c world.Caps) error {
	s, err := proc.ReadStatus(os.Getpid())
	if err != nil {
		return err
	}
	all := world.Hex(s.Bits("CapPrm", 16))
	if err := t.setCapabilities(world.Caps{Effective: all, Permitted: all, Inheritable: c.Inheritable, Ambient: c.Ambient}); err != nil {
		return err
	}
	return t.call("PR_SET_SECUREBITS", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, uint64(bits), 0, 0, 0)
}

// keepCapabilities sets the bit by which a change of user IDs will leave
// capabilities alone, where it is the only one.
func (t *thread) keepCapabilities() error {
	if t.saved.SecureBits != keepCaps {
		return nil
	}
	return t.call("PR_SET_KEEPCAPS", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
}

func (t *thread) capset(c world.Caps) error {
	const version3 = 0x20080522 // _LINUX_CAPABILITY_VERSION_3
	// struct __user_cap_data_struct, twice: the low halves of effective,
	// permitted and inheritable, then the high ones.
	low, high := uint64(1<<32-1), uint64(32)
	e, p, i := uint64(c.Effective), uint64(c.Permitted), uint64(c.Inheritable)
	data := sys.Words(e&low|p<<high, i&low|e>>high<<high, p>>high|i>>high<<high)
	at, err := t.stub.lay(sys.Words(version3), data)
	if err != nil {
		return err
	}
	return t.call("capset", unix.SYS_CAPSET, at[0], at[1])
}
