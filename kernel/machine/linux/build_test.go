// The kernel under test, and what is in its machines.

package linux

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"snappipe/tests/vm"
)

// programs are those of tests/, which run in the guest.
var programs = []string{"linus", "snap", "resume", "leak", "held", "without", "tick"}

// variant is one of those that ./build builds, by its argument.
type variant string

const (
	plain variant = "plain"
	debug variant = "debug"
	arm64 variant = "arm64"
	older variant = "6.1"
)

var builds = struct {
	sync.Mutex
	dirs map[variant]string
}{dirs: map[variant]string{}}

// cannotHave is what ./build ends with where packages are missing.
const cannotHave = 77

// build returns the directory with a variant of the kernel. The first time
// ever, that takes as long as kernels take.
func (v variant) build(t testing.TB) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if dir := builds.dirs[v]; dir != "" {
		return dir
	}
	c := exec.Command("./build", string(v))
	var grumble bytes.Buffer
	c.Stderr = &grumble
	out, err := c.Output()
	if c.ProcessState.ExitCode() == cannotHave {
		t.Skipf("SKIPPED %s: %s", t.Name(), &grumble)
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", c, err, out, &grumble)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	builds.dirs[v] = lines[len(lines)-1]
	return builds.dirs[v]
}

// start boots a machine with a variant of the kernel. The programs are on its
// last disk, and then in /tmp.
func start(t testing.TB, v variant, c vm.Config) *vm.Machine {
	t.Helper()
	dir := v.build(t)
	c.Kernel = vm.Kernel{Image: filepath.Join(dir, "bzImage")}
	last := fmt.Sprintf("/dev/vd%c", 'a'+len(c.Disks))
	c.Disks = append(c.Disks, tools(t, dir))
	m := vm.Start(t, c)
	m.Run("tar -xf " + last + " -C /tmp")
	return m
}

// tools makes the disk with the programs: a tar archive.
func tools(t testing.TB, dir string) string {
	t.Helper()
	tmp := t.TempDir()
	var disk bytes.Buffer
	w := tar.NewWriter(&disk)
	add := func(name string) {
		b, err := os.ReadFile(name)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: filepath.Base(name), Mode: 0o755, Size: int64(len(b))})
		}
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(filepath.Join(dir, "snapshot_system_test"))
	for _, p := range programs {
		name := filepath.Join(tmp, p)
		if out, err := exec.Command("cc", "-static", "-O2", "-Wall", "-Werror", "-o", name, "tests/"+p+".c").CombinedOutput(); err != nil {
			t.Fatalf("cc %s: %v\n%s", p, err, out)
		}
		add(name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(tmp, "tools.tar")
	if err := os.WriteFile(name, disk.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// emptyDisk makes a disk to keep images on.
func emptyDisk(t testing.TB, mib int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(name)
	if err == nil {
		err = f.Truncate(mib << 20)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}
