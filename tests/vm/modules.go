// The kernel's modules: which a guest needs, in the order in which they can be
// loaded, as bare as insmod wants them.

package vm

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// module is one of them.
type module struct {
	name string // "ext4"
	path string // below the directory of all modules: "fs/ext4/ext4.ko"
	code []byte
}

// catalogue is what is looked through for modules, and what was found.
type catalogue struct {
	kernel Kernel
	paths  map[string]string // by name
	taken  map[string]bool
	order  []module
}

// modulesOf returns the modules with these names, each after those that it
// depends on. What a kernel does not have as a module is built in.
func modulesOf(t testing.TB, k Kernel, names ...string) []module {
	t.Helper()
	c := &catalogue{k, map[string]string{}, map[string]bool{}, nil}
	err := filepath.WalkDir(k.Modules, func(path string, _ fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok {
			c.paths[moduleName(name)] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		c.take(t, name)
	}
	return c.order
}

// moduleName is how the kernel knows a module, whose file may have hyphens.
func moduleName(file string) string { return strings.ReplaceAll(file, "-", "_") }

// take appends a module to the order, after those that it depends on.
func (c *catalogue) take(t testing.TB, name string) {
	t.Helper()
	path := c.paths[name]
	if path == "" || c.taken[name] {
		return
	}
	c.taken[name] = true
	code, err := unpackModule(path, read(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	depends, err := dependsOn(code)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, d := range depends {
		c.take(t, moduleName(d))
	}
	below, err := filepath.Rel(c.kernel.Modules, strings.TrimSuffix(path, ".xz"))
	if err != nil {
		t.Fatal(err)
	}
	c.order = append(c.order, module{name, below, code})
}

// unpackModule undoes the compression that Debian's modules have since 6.12.
func unpackModule(path string, b []byte) ([]byte, error) {
	if !strings.HasSuffix(path, ".xz") {
		return b, nil
	}
	r, err := xz.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// dependsOn reads what a module says of itself: modinfo(8).
func dependsOn(code []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("it has no section .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for pair := range strings.SplitSeq(string(info), "\x00") {
		if names, ok := strings.CutPrefix(pair, "depends="); ok && names != "" {
			return strings.Split(names, ","), nil
		}
	}
	return nil, nil
}
