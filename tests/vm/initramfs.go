// What is in the guest.

package vm

import (
	_ "embed"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// packed are the guests' roots that have been made, by their names.
var packed = struct {
	sync.Mutex
	names map[string]bool
}{names: map[string]bool{}}

// initramfs makes the root of guests with a kernel and a bus.
func initramfs(t testing.TB, k Kernel, bus string) string {
	t.Helper()
	name := filepath.Join(build(t), "initramfs"+k.Release+bus)
	packed.Lock()
	defer packed.Unlock()
	if !packed.names[name] {
		pack(t, k, bus, name)
		packed.names[name] = true
	}
	return name
}

// loaded are the modules that every guest has from the start, and optional those
// that a test may load, as with "load zram".
var (
	loaded   = []string{"virtio_pci", "virtio_console", "virtio_net", "brd", "crc32c_generic", "ext4"}
	optional = map[string][]string{"zram": {"zram"}, "vfat": {"vfat", "nls_cp437", "nls_ascii"},
		"crypt": {"dm_crypt", "xts", "algif_skcipher"}, "snapshot": {"dm_snapshot"}, "delay": {"dm_delay"}}
)

// pack leaves it uncompressed: an emulated machine is slow at unpacking.
func pack(t testing.TB, k Kernel, bus, name string) {
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
		a.modules(t, k, bus)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
}

// modules adds those of a kernel, and in which order they are loaded.
func (a *archive) modules(t testing.TB, k Kernel, bus string) {
	t.Helper()
	sets := maps.Clone(optional)
	sets["start"] = append(slices.Clone(loaded), buses[bus].modules...)
	for set, names := range sets {
		var order []string
		for _, m := range modulesOf(t, k, names...) {
			a.file("modules/"+m.name+".ko", m.code)
			order = append(order, m.name)
		}
		a.file("modules/"+set+".order", []byte(strings.Join(order, "\n")))
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
