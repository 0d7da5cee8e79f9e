// Whether an image is one of this machine.

package machine

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// matches refuses an image whose facts are not those of this machine. With
// trust, an image that has none is taken for one: a flat image has lost them.
func matches(image, here kernel.Facts, trust bool) error {
	if arch := unameMachine(); image.Get("arch") != "" && image.Get("arch") != arch {
		return kernel.Refuse("the image", "", "it is of a machine with architecture %s, this one is %s", image.Get("arch"), arch)
	}
	for _, c := range []struct{ name, what, advice string }{
		{factRelease, "kernel", "boot the kernel that the image was made by"},
		{factBuild, "build of the kernel", "boot the very kernel that the image was made by"},
		{factVersion, "build of the kernel", "boot the very kernel that the image was made by"},
		{factCPU, "CPU", "resume it on the machine that it was made on, or one just like it"},
		{factMemory, "memory", "resume it with as much memory as it was made with"},
	} {
		theirs, ours := image.Get(c.name), here.Get(c.name)
		switch {
		case theirs == "" && trust:
		case theirs == "":
			return kernel.Refuse("the image", "--force takes it for one of this very machine", "it does not say what %s it was made with", c.what)
		case theirs != ours:
			return kernel.Refuse("the image", c.advice, "it was made with another %s: %s there, %s here", c.what, theirs, ours)
		}
	}
	if trust && image.Get(factFlags) == "" {
		return nil
	}
	return sameFlags(image.Get(factFlags), here.Get(factFlags))
}

// sameFlags refuses a CPU that is of the same model but set up differently,
// by a hypervisor or on the kernel's command line.
func sameFlags(theirs, ours string) error {
	if theirs == ours {
		return nil
	}
	there, here := strings.Fields(theirs), strings.Fields(ours)
	missing := without(there, here)
	if len(missing) == 0 {
		return kernel.Refuse("the image", "", "it was made on a CPU without the flags %s, which this one has", strings.Join(without(here, there), " "))
	}
	return kernel.Refuse("the image", "", "it was made on a CPU with the flags %s, which this one does not have", strings.Join(missing, " "))
}

// without returns what is in a but not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func unameMachine() string {
	var uts unix.Utsname
	if unix.Uname(&uts) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(uts.Machine[:])
}
