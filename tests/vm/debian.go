// The guest's kernel and its modules, out of Debian's package.

package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Kernel is what a guest boots.
type Kernel struct {
	Image   string // vmlinuz
	Modules string // directory below which they lie, or "" if all is built in
	Release string // as uname -r says it
}

// cacheDir is where things lie that take long to get.
func cacheDir(t testing.TB) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "snappipe", "vm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Debian returns the newest stock kernel of the long-term series that most
// machines run by now.
func Debian(t testing.TB) Kernel {
	t.Helper()
	return newest(t, "linux-image-6.12-amd64")
}

// DebianOlder returns the kernel that Debian 12 came with: a 6.1.
func DebianOlder(t testing.TB) Kernel {
	t.Helper()
	return newest(t, "linux-image-amd64")
}

// DebianCloud returns the build of the same version as Debian for clouds:
// another kernel with the same drivers, and no image of one is good for the
// other.
func DebianCloud(t testing.TB) Kernel {
	t.Helper()
	return newest(t, "linux-image-6.12-cloud-amd64")
}

// unpacked are the kernels that are there, by metapackage.
var unpacked = struct {
	sync.Mutex
	by map[string]Kernel
}{by: map[string]Kernel{}}

// newest returns the kernel that a metapackage stands for.
func newest(t testing.TB, meta string) Kernel {
	t.Helper()
	unpacked.Lock()
	defer unpacked.Unlock()
	if k, ok := unpacked.by[meta]; ok {
		return k
	}
	out, err := exec.Command("apt-cache", "depends", meta).CombinedOutput()
	_, name, ok := strings.Cut(string(out), "Depends: ")
	if !ok {
		t.Skipf("SKIPPED %s: apt knows no package %s: %s (%v); apt-get update may help", t.Name(), meta, out, err)
	}
	name, _, _ = strings.Cut(name, "\n")
	unpacked.by[meta] = unpack(t, strings.TrimSpace(name))
	return unpacked.by[meta]
}

// unpack fetches a kernel package, unless that was done before.
func unpack(t testing.TB, name string) Kernel {
	dir := filepath.Join(cacheDir(t), name)
	release := strings.TrimPrefix(name, "linux-image-")
	k := Kernel{
		Image:   filepath.Join(dir, "boot", "vmlinuz-"+release),
		Modules: filepath.Join(dir, "lib", "modules", release, "kernel"),
		Release: release,
	}
	if _, err := os.Stat(dir); err == nil {
		return k
	}
	tmp, err := os.MkdirTemp(cacheDir(t), "unpack-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	get := exec.Command("apt-get", "download", name)
	get.Dir = tmp
	if out, err := get.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED %s: apt-get download %s: %v\n%s", t.Name(), name, err, out)
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("apt-get download %s left %q", name, debs)
	}
	output(t, tmp, "dpkg", "-x", debs[0], "root")
	if err := os.Rename(filepath.Join(tmp, "root"), dir); err != nil {
		t.Fatal(err)
	}
	return k
}

// output runs a program to its end.
func output(t testing.TB, dir string, argv ...string) string {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, out, errors.String()))
	}
	return string(out)
}
