// What is in the guest.

package vm

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

//go:embed init.sh
var initScript []byte

// programs of this module that the guest has in /bin.
var programs = []string{
	"./cmd/snapcat", "./cmd/snapcompress", "./cmd/snapverify", "./cmd/snapresume",
	"./tests/vm/witness",
}

var built struct {
	sync.Once
	dir string
}

// source is the root of this module.
func source(t testing.TB) string {
	t.Helper()
	return filepath.Dir(strings.TrimSpace(output(t, "", "go", "env", "GOMOD")))
}

// build compiles the programs once for all tests, to where make puts its own.
func build(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		root := source(t)
		dir := filepath.Join(root, "bin", "vm")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		output(t, root, append([]string{"env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir}, programs...)...)
		output(t, root, "env", "CGO_ENABLED=0", "go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "machine.test"), "./kernel/machine")
		built.dir = dir
	})
	if built.dir == "" {
		t.Fatal("the programs could not be built")
	}
	return built.dir
}

// packed are the guests' roots that have been made, by the directory of their
// modules.
var packed = struct {
	sync.Mutex
	by map[string]string
}{by: map[string]string{}}

// initramfs makes the root of guests with a kernel.
func initramfs(t testing.TB, k Kernel) string {
	t.Helper()
	dir := build(t)
	packed.Lock()
	defer packed.Unlock()
	if packed.by[k.Modules] == "" {
		name := filepath.Join(dir, "initramfs"+k.Release)
		pack(t, k, name)
		packed.by[k.Modules] = name
	}
	return packed.by[k.Modules]
}

// pack leaves it uncompressed: an emulated machine is slow at unpacking.
func pack(t testing.TB, k Kernel, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := newArchive(f)
	for _, dir := range []string{"proc", "sys", "dev", "run", "tmp", "mnt"} {
		a.dir(dir)
	}
	a.file("init", initScript)
	a.file("etc/passwd", []byte("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"))
	a.file("bin/busybox", read(t, busybox))
	for _, applet := range strings.Fields(output(t, "", busybox, "--list")) {
		if applet != "busybox" {
			a.link("bin/"+applet, "busybox")
		}
	}
	bin := build(t)
	for _, p := range append(programs, "machine.test") {
		a.file("bin/"+filepath.Base(p), read(t, filepath.Join(bin, filepath.Base(p))))
	}
	if k.Modules != "" {
		var order []string
		for _, m := range modules {
			name := filepath.Base(m)
			if b, err := os.ReadFile(filepath.Join(k.Modules, m+".ko")); err == nil { // else it is built in
				a.file("modules/"+name+".ko", b)
				order = append(order, name)
			}
		}
		a.file("modules/order", []byte(strings.Join(order, "\n")))
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
