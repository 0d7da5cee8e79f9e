// Pseudo-terminals, in a devpts(5) of the test's own.

package object

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// ownDevpts is one in which the test's pairs have the numbers from 0 on, whoever else
// makes some.
func ownDevpts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("devpts", dir, "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		t.Skipf("mounting a devpts: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Pairs get their numbers, in whatever order they are in the image; one whose number is
// taken gets another, which none of them is to have.
func TestNumbersOfTerminals(t *testing.T) {
	dir := ownDevpts(t)
	for _, c := range []struct {
		taken      int // how many numbers, from 0 on
		want, have []int
	}{
		{0, []int{0}, []int{0}},
		{0, []int{5, 2, 3}, []int{5, 2, 3}},
		{2, []int{4, 1}, []int{4, 2}},
		{1, []int{0, 1}, []int{2, 1}},
	} {
		t.Run(fmt.Sprint(c.taken, c.want), func(t *testing.T) {
			for range c.taken {
				fd, err := unix.Open(filepath.Join(dir, "ptmx"), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
			}
			w := &world.World{Files: []world.File{{
				Path: world.Text(filepath.Join(dir, "ptmx")), Mode: unix.S_IFCHR, Rdev: world.Hex(masterNumber),
			}}}
			for _, n := range c.want {
				w.Open = append(w.Open, world.OpenFile{Kind: world.KindPty, Pty: &world.Pty{
					Index: n, Termios: make([]byte, sys.TermiosSize), Leader: world.NoIndex,
				}})
			}
			said := 0
			m := NewMaker(w, kernel.Options{Warn: func(line string) {
				if strings.Contains(line, "its number is taken") {
					said++
				}
			}}, nil)
			defer m.Close()
			if err := m.MakeTerminals(); err != nil {
				t.Fatal(err)
			}
			others := 0
			for i, n := range c.have {
				if got := m.pairs[i].index; got != n {
					t.Errorf("number %d became %d, not %d", c.want[i], got, n)
				}
				if n != c.want[i] {
					others++
				}
			}
			if said != others {
				t.Errorf("it says of %d that they have another number, not of %d", said, others)
			}
			if left, err := filepath.Glob(dir + "/[0-9]*"); err != nil || len(left) != c.taken+len(c.want) {
				t.Errorf("there are %v, %v", left, err)
			}
		})
	}
}
