package vm

// What is in the guest.

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

// build compiles the programs once for all tests. The last test leaves them
// to the system's cleaning of its temporary directory.
func build(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		dir := filepath.Join(cacheDir(t), "bin")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root := filepath.Dir(strings.TrimSpace(output(t, "", "go", "env", "GOMOD")))
		t.Setenv("CGO_ENABLED", "0")
		output(t, root, append([]string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir}, programs...)...)
		output(t, root, "go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "machine.test"), "./kernel/machine")
		built.dir = dir
	})
	if built.dir == "" {
		t.Fatal("the programs could not be built")
	}
	return built.dir
}

// initramfs makes the guest's root, uncompressed: an emulated machine is slow
// at unpacking.
func initramfs(t testing.TB, k Kernel) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "initramfs")
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
	a.file("bin/busybox", read(t, "/bin/busybox"))
	for _, applet := range strings.Fields(output(t, "", "/bin/busybox", "--list")) {
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
	return name
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
