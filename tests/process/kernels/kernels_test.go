// Package kernels plays the table of programs under another kernel than the one
// that is running: Debian's 6.1, which has no PAGEMAP_SCAN, so that the pages
// of a program are found by reading its pagemap.
//
// It needs a virtual machine, and runs with those of snappipe/tests/vm.
package kernels

import (
	"archive/tar"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"snappipe/tests/process/cycle"
	"snappipe/tests/process/table"
	"snappipe/tests/vm"
)

//go:embed play.sh
var play []byte

// fits reports whether a row is about what a resume brings back and needs
// nothing but the program.
func fits(r table.Row) bool {
	return r.Refused == "" && r.ResumeRefused == "" && r.Meanwhile == nil && r.Missing == "" && r.Unseen == "" && !r.Terminal && !r.Stopped
}

func TestDebianKernel(t *testing.T) {
	vm.RequireTime(t)
	cycle.Need(t, "gcc")
	disk := filepath.Join(t.TempDir(), "disk")
	debian := vm.DebianOlder(t)
	pack(t, disk, filepath.Join(debian.Modules, "net/unix/unix_diag.ko"))
	m := vm.Start(t, vm.Config{Memory: 1024, CPUs: 2, Disks: []string{disk}, Kernel: debian})
	t.Logf("Linux %s", m.Run("uname -r"))
	m.Run("tar -xf /dev/vda -C /tmp && chmod 1777 /tmp")
	if out, _ := m.Try("sh /tmp/play.sh root socketpair stream"); !strings.Contains(out, "load the module unix_diag") {
		t.Errorf("the kernel can't say which sockets are connected to which, and snapcat says: %s", out)
	}
	m.Run("insmod /tmp/unix_diag.ko")
	for _, section := range table.Sections {
		for _, row := range section.Rows {
			if !fits(row) {
				continue
			}
			u := cycle.Unprivileged                                                             // where all has to be done with the fewest rights
			if row.Users != nil && !slices.Contains(row.Users, u) || row.Program == "rlimits" { // the guest's are low
				u = cycle.Root
			}
			try(t, m, row, u)
		}
	}
}

// otherwise is what comes of a program, in one of its variants perhaps, where
// that is not what comes of it under a kernel of today.
var otherwise = map[string]string{
	"eventfd": `n is 2 \(0x2\), not 1`, // EFD_SEMAPHORE, which is kept as none

	// Syscall User Dispatch, which nobody can see before 6.4.
	"dispatch selector": "ended in SIGSYS, .*, which Linux shows from 6.4 on",
	"dispatch thread":   "ended in SIGSYS, .*, which Linux shows from 6.4 on",
	"dispatch asleep":   `dispatched is 3 \(0x3\), not 4`,

	// They are linked without libraries there.
	"dispatch range": "not so: dl_iterate_phdr",

	// Room of four times what it holds, which net.core.wmem_max does not give.
	"epoll-silent socket": "which it does not do here",
}

// try plays a row in each of its variants.
func try(t *testing.T, m *vm.Machine, row table.Row, u cycle.User) {
	user := map[string]string{cycle.Root.Name: "root", cycle.Unprivileged.Name: "nobody"}[u.Name]
	option := ""
	if row.SamePID {
		option = "--same-pid"
	}
	variants := row.Variants
	if variants == nil {
		variants = []string{""}
	}
	for _, v := range variants {
		t.Run(strings.Join([]string{row.Program, v, u.Name}, "-"), func(t *testing.T) {
			out, status := m.Try("sh /tmp/play.sh " + user + " " + row.Program + " '" + v + "' '" + option + "' '" + strings.Join(row.Args, " ") + "'")
			want := otherwise[strings.TrimSpace(row.Program+" "+v)]
			switch {
			case status == 77:
				t.Skip(out)
			case want != "" && (status == 0 || !regexp.MustCompile(want).MatchString(out)):
				t.Errorf("exit status %d, not %q\n%s", status, want, out)
			case want == "" && status != 0:
				t.Errorf("exit status %d\n%s", status, out)
			}
		})
	}
}

// pack makes a disk that is an archive of the programs, which bring their
// libraries with them, and of a module.
func pack(t *testing.T, disk, module string) {
	t.Helper()
	f, err := os.Create(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	add := func(name string, b []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(b))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	add("play.sh", play)
	ko, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	add(filepath.Base(module), ko)
	done := map[string]bool{}
	for _, section := range table.Sections {
		for _, row := range section.Rows {
			if fits(row) && !done[row.Program] {
				done[row.Program] = true
				add("programs/"+row.Program, compile(t, row))
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func compile(t *testing.T, row table.Row) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), row.Program)
	args := append([]string{"-O1", "-pthread", "-static", "-mno-red-zone", "-o", program,
		filepath.Join("..", "table", "programs", row.Program+".c")}, row.Flags...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %s: %v\n%s", row.Program, err, out)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
