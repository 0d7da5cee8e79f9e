// The tools, by the calls and by /dev/snapshot, and from one to the other.

package linux

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// How to be sure which way a tool goes: without the device there are only the
// calls, and to a program under tests/without.c the kernel has none.
const (
	byCalls  = "rm -f /dev/snapshot; "
	byDevice = "[ -e /dev/snapshot ] || mknod /dev/snapshot c 10 231; /tmp/without "
)

// One machine goes from boot to boot, saved and resumed in every way: the
// images of either way in are resumed by the other.
func TestGenerations(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	stored := filepath.Join(t.TempDir(), "img")
	c := vm.Config{Memory: 512, CPUs: 2, Disks: []string{emptyDisk(t, 512)},
		Args: []string{"-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"}}
	m := start(t, plain, c)
	m.Run("witness start 16")
	for i, g := range []struct{ save, resume string }{
		{byCalls + "snapcat | snapcompress | snapverify > /dev/vda", byCalls + "snapresume < /dev/vda"},
		{byDevice + "snapcat | snapverify > /dev/vda", byCalls + "snapresume --once /dev/vda"},
		{byCalls + "snapcat | snapcompress > /dev/vda", byDevice + "snapresume /dev/vda"},
		{byCalls + "snapcat --raw > /dev/vda", byDevice + "snapresume --raw --force --to machine /dev/vda"},
		{byDevice + "snapcat --raw > /dev/vda", byCalls + "snapresume --raw --once --force --to machine /dev/vda"},
		{byCalls + "snapcat | snapcompress | snapverify | nc 10.0.2.2 PORT", byCalls + "nc 10.0.2.2 PORT < /dev/null | snapresume"},
	} {
		what := fmt.Sprintf("%s; %s", g.save, g.resume)
		m.Run(fmt.Sprintf("echo %d > /run/generation", i))
		tcp := strings.Contains(g.save, "PORT")
		if tcp {
			in := vm.ServeOnce(t, func(conn net.Conn) error { return receive(conn, stored) })
			defer in.Wait(t)
			g.save = strings.ReplaceAll(g.save, "PORT", fmt.Sprint(in.Port))
		}
		save := m.Begin(g.save)
		if out, status := m.End(save); status != 0 {
			t.Fatalf("%s: exit status %d\n%s", what, status, out)
		}
		m.Run("echo later > /run/generation")
		m.PowerOff()

		m = start(t, plain, c)
		if tcp {
			out := vm.ServeFile(t, stored)
			g.resume = strings.ReplaceAll(g.resume, "PORT", fmt.Sprint(out.Port))
		}
		// What nc ends with there is its own affair: its connection is gone.
		if out, status := m.Resume(g.resume, save); status != 0 && !tcp {
			t.Fatalf("%s: in the resumed machine, the save ended with %d\n%s", what, status, out)
		}
		if got := m.Run("cat /run/generation"); got != fmt.Sprintln(i) {
			t.Fatalf("%s: the resumed machine is in generation %s", what, got)
		}
		wellWitnessed(t, m)
	}
}

func receive(conn net.Conn, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, conn)
	return err
}

// In the same boot, in one pipeline.
func TestSnapcatIntoSnapresume(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	m := start(t, plain, vm.Config{Memory: 512, CPUs: 2})
	m.Run("witness start 4")
	m.Run("cp /dev/null /run/null; rm /dev/snapshot")
	for range 3 {
		if out, status := m.Try("snapcat | snapresume"); status != 0 || !strings.Contains(out, "resumed from the snapshot") {
			t.Fatalf("exit status %d\n%s", status, out)
		}
	}
	wellWitnessed(t, m)
}
