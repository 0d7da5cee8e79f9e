// Marking swap areas, and what becomes of those that are marked.

package machine

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// newAreas makes swap areas, as files, and holds them.
func newAreas(t *testing.T, n int) *swapHold {
	t.Helper()
	if _, err := exec.LookPath("mkswap"); err != nil {
		t.Skipf("SKIPPED %s: there is no mkswap", t.Name())
	}
	s := &swapHold{id: imageID{1, 2, 3}}
	for i := range n {
		name := filepath.Join(t.TempDir(), fmt.Sprintf("area %d", i))
		if err := os.WriteFile(name, bytes.Repeat([]byte("swapped out "), 1<<20/12), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mkswap", "-L", "label", name).CombinedOutput(); err != nil {
			t.Fatalf("mkswap: %v\n%s", err, out)
		}
		// A fact ends with the name, which may have blanks; a device has none.
		device := filepath.Join(t.TempDir(), "device")
		if err := os.Symlink(name, device); err != nil {
			t.Fatal(err)
		}
		a, err := openArea(swapArea{name: name, device: device, length: 1 << 20, file: true})
		if err == nil {
			err = a.markable()
		}
		if err != nil {
			t.Fatal(err)
		}
		s.areas = append(s.areas, a)
	}
	t.Cleanup(func() { s.close() })
	return s
}

func contents(t *testing.T, s *swapHold) (all [][]byte) {
	t.Helper()
	for _, a := range s.areas {
		b, err := os.ReadFile(a.name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// refused is why an image is, which depends on areas, or "".
func refused(s *swapHold) string {
	if err := unchangedSwaps(s.facts()); err != nil {
		return err.Error()
	}
	return ""
}

// Wherever the power fails while areas are marked, or put right again, the image
// is good only if all of them are marked, and giving it up leaves the areas as
// they were.
func TestMarkingStepByStep(t *testing.T) {
	const areas = 3
	for done := range areas + 1 {
		for _, back := range []bool{false, true} {
			s := newAreas(t, areas)
			was := contents(t, s)
			marked := s.areas[:done]
			if back {
				marked = s.areas
			}
			for _, a := range marked {
				if err := a.mark(s.id); err != nil {
					t.Fatal(err)
				}
			}
			if back {
				if err := (&swapHold{id: s.id, areas: s.areas[:areas-done]}).putRight(); err != nil {
					t.Fatal(err)
				}
			}
			if why := refused(s); (why == "") != (done == areas) {
				t.Errorf("%d of %d areas marked, back %v: refused: %q", done, areas, back, why)
			}
			freed, err := new(Machine).Forget(s.facts())
			if err != nil || len(freed) != done {
				t.Errorf("%d of %d areas marked, back %v: freed %q, %v", done, areas, back, freed, err)
			}
			for i, now := range contents(t, s) {
				if !bytes.Equal(now, was[i]) {
					t.Errorf("%d of %d areas marked, back %v: area %d is not as it was", done, areas, back, i)
				}
			}
		}
	}
}

// Who is killed after the areas were marked leaves them as they were: the guardian
// sees to that. Those that another marked are left alone.
func TestGuardianPutsRight(t *testing.T) {
	s := newAreas(t, 3)
	was := contents(t, s)
	g, err := newGuardian(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	s.mayBeMarked(true)
	for _, a := range s.areas[:2] {
		if err := a.mark(s.id); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.areas[2].mark(imageID{9}); err != nil {
		t.Fatal(err)
	}
	was[2] = contents(t, s)[2]
	abandon(t, g)
	for i, now := range contents(t, s) {
		if !bytes.Equal(now, was[i]) {
			t.Errorf("area %d is not as it was", i)
		}
	}
}

// A child never comes back into the runtime, not even if its parent was about to be
// preempted: it could not be woken again.
func TestForkWhilePreempted(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC() // which stops all goroutines, this test's among them
			}
		}
	}()
	for range 200 {
		g, err := newGuardian(nil, &swapHold{})
		if err != nil {
			t.Fatal(err)
		}
		abandon(t, g)
	}
}

// abandon leaves a guardian alone, as when this process ends, until it has ended too.
func abandon(t *testing.T, g *guardian) {
	t.Helper()
	stuck := time.AfterFunc(time.Minute, func() { unix.Kill(g.pid, unix.SIGKILL) })
	defer stuck.Stop()
	if err := unix.Close(int(g.list.key)); err != nil {
		t.Fatal(err)
	}
	status, err := waitFor(g.pid)
	if err != nil || status.Signaled() {
		t.Fatalf("the child did not end by itself: %v, %v", status, err)
	}
	if err := g.mem.unmap(0); err != nil {
		t.Fatal(err)
	}
}

// A mark is in one sector, so that half of it is never written. Who looks for the
// area by its UUID or label finds it.
func TestMark(t *testing.T) {
	s := newAreas(t, 1)
	h := s.areas[0].was
	marked := h.mark(s.id, nil)
	var differ []int
	for at := 0; at < len(h); at += 512 {
		if !bytes.Equal(h[at:at+512], marked[at:at+512]) {
			differ = append(differ, at)
		}
	}
	if len(differ) != 1 {
		t.Errorf("the sectors at %v change", differ)
	}
	if !bytes.Equal(marked.unmark(), h) {
		t.Error("the mark leaves something behind")
	}
	if err := s.mark(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("blkid", "-p", "-o", "export", s.areas[0].name).CombinedOutput()
	for _, want := range []string{"TYPE=swap", "LABEL=label", "UUID=" + h.uuid()} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("blkid does not find %s: %v\n%s", want, err, out)
		}
	}
}

// What became of an area since.
func TestUnchangedSwaps(t *testing.T) {
	write := func(t *testing.T, a *heldArea, at int64, b []byte) {
		f, err := os.OpenFile(a.name, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt(b, at)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		happens func(t *testing.T, s *swapHold, a *heldArea)
		want    string
	}{
		"nothing": {func(*testing.T, *swapHold, *heldArea) {}, ""},
		"it was given up": {func(t *testing.T, s *swapHold, a *heldArea) {
			if err := new(Machine).ForgetAt(a.name); err != nil {
				t.Fatal(err)
			}
		}, "given back or used since"},
		"mkswap": {func(t *testing.T, s *swapHold, a *heldArea) {
			if out, err := exec.Command("mkswap", a.name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}, "given back or used since"},
		"held for another": {func(t *testing.T, s *swapHold, a *heldArea) {
			if err := a.put(a.was.mark(imageID{9}, nil)); err != nil {
				t.Fatal(err)
			}
		}, "another image"},
		"a page was written":        {func(t *testing.T, s *swapHold, a *heldArea) { write(t, a, 100<<10, []byte("x")) }, "written to since"},
		"the header was written to": {func(t *testing.T, s *swapHold, a *heldArea) { write(t, a, 2000, []byte("x")) }, "written to since"},
		"half a mark":               {func(t *testing.T, s *swapHold, a *heldArea) { write(t, a, swapPadding+markDigest, []byte("xx")) }, "no swap area any more"},
		"a file system":             {func(t *testing.T, s *swapHold, a *heldArea) { write(t, a, 0, make([]byte, 8<<10)) }, "no swap area any more"},
		"a pipe is there": {func(t *testing.T, s *swapHold, a *heldArea) {
			err := os.Remove(a.device)
			if err == nil {
				err = unix.Mkfifo(a.device, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "invalid argument"},
		"it is gone": {func(t *testing.T, s *swapHold, a *heldArea) {
			if err := os.Remove(a.name); err != nil {
				t.Fatal(err)
			}
		}, "not there now"},
	} {
		s := newAreas(t, 2)
		if err := s.mark(); err != nil {
			t.Fatal(err)
		}
		c.happens(t, s, s.areas[1])
		if why := refused(s); (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("%s: refused: %q", name, why)
		}
	}
}

// Facts come from an image that may be anybody's.
func TestSwapFacts(t *testing.T) {
	id := strings.Repeat("0", 32)
	for _, value := range []string{
		"", "/dev/vda", "vda 0 uuid:1 id:" + id + " /dev/vda", "/dev/vda -1 uuid:1 id:" + id + " /dev/vda",
		"/dev/vda 0 uuid: id:" + id + " /dev/vda", "/dev/vda 0 uuid:1 id:00 /dev/vda", "/dev/vda x uuid:1 id:" + id + " /dev/vda",
	} {
		err := unchangedSwaps(kernel.Facts{{Name: "swap-1", Value: value}})
		if err == nil || !strings.Contains(err.Error(), "makes no sense") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestForgetWhatIsNotHeld(t *testing.T) {
	s := newAreas(t, 1)
	if err := new(Machine).ForgetAt(s.areas[0].name); err == nil || !strings.Contains(err.Error(), "nor a swap area that is kept") {
		t.Errorf("%v", err)
	}
}
