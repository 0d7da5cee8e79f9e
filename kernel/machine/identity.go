// What this machine is, as far as an image of it depends on that.
//
// The kernel checks little of it. The image's header on x86-64 has no kernel
// version in it and no CPU model (arch/x86/power/hibernate.c): an image of
// another build is taken, and whether it runs is luck; on another CPU the
// machine dies. So the stream says it, and it is compared before the first
// byte reaches the kernel.

package machine

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/elfnote"
)

// The facts that an image of a machine has, besides one for each disk.
const (
	factRelease = "kernel-release" // uname -r
	factVersion = "kernel-version" // uname -v
	factBuild   = "kernel-build"   // the build ID of vmlinux
	factCPU     = "cpu"
	factFlags   = "cpu-flags"
	factMemory  = "memory" // what the firmware says is there, and where
)

// identity returns the facts of the running machine.
func identity() (kernel.Facts, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	build, err := buildID("/sys/kernel/notes")
	if err != nil {
		return nil, err
	}
	model, flags, err := cpu("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	memory, err := memoryMap("/sys/firmware/memmap")
	if err != nil {
		return nil, err
	}
	return kernel.Facts{
		{Name: factRelease, Value: unix.ByteSliceToString(uts.Release[:])},
		{Name: factVersion, Value: unix.ByteSliceToString(uts.Version[:])},
		{Name: factBuild, Value: build},
		{Name: factCPU, Value: model},
		{Name: factFlags, Value: flags},
		{Name: factMemory, Value: memory},
	}, nil
}

// buildID finds the GNU build ID among the ELF notes of the running kernel.
func buildID(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the build ID of the kernel: %w", err)
	}
	if id := elfnote.BuildID(b); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("the running kernel has no build ID in %s", file)
}

func field(s, sep string) (name, value string) {
	name, value, _ = strings.Cut(s, sep)
	return strings.TrimSpace(name), strings.TrimSpace(value)
}

// cpu names the first CPU, and its flags in alphabetical order.
func cpu(file string) (model, flags string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", "", fmt.Errorf("find out what CPU this is: %w", err)
	}
	defer f.Close()
	has := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan() && s.Text() != ""; {
		name, value := field(s.Text(), ":")
		has[name] = value
	}
	sorted := strings.Fields(has["flags"])
	slices.Sort(sorted)
	model = fmt.Sprintf("%s family %s model %s stepping %s, %s",
		has["vendor_id"], has["cpu family"], has["model"], has["stepping"], has["model name"])
	return model, strings.Join(sorted, " "), nil
}

// memoryMap lists the ranges of RAM in the firmware's own map, which the
// kernel keeps as it was (drivers/firmware/memmap.c). It is the map of which
// the kernel compares a checksum (arch/x86/power/hibernate.c).
func memoryMap(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("find out how much memory there is: %w", err)
	}
	var ram [][2]uint64
	var total uint64
	for _, e := range entries {
		kind, start, end := memoryRange(filepath.Join(dir, e.Name()))
		if kind == "System RAM" && start <= end {
			ram = append(ram, [2]uint64{start, end})
			total += end - start + 1
		}
	}
	slices.SortFunc(ram, func(a, b [2]uint64) int { return slices.Compare(a[:], b[:]) })
	s := fmt.Sprintf("%d KiB", total>>10)
	for _, r := range ram {
		s += fmt.Sprintf(" %x-%x", r[0], r[1])
	}
	return s, nil
}

func memoryRange(dir string) (kind string, start, end uint64) {
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(dir, name)) // what is missing is no RAM
		return strings.TrimSpace(string(b))
	}
	start, err := strconv.ParseUint(read("start"), 0, 64)
	if err != nil {
		return "", 0, 0
	}
	end, err = strconv.ParseUint(read("end"), 0, 64)
	if err != nil {
		return "", 0, 0
	}
	return read("type"), start, end
}
