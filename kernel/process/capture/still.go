// Processes that are to end with their image: they stand still until that is stored, and
// then are killed, or go on as if nothing had happened. Should this process be killed,
// they go on.

package capture

import (
	"crypto/rand"
	"errors"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
)

// damUp keeps back what connections to others send, if there are any.
func (t *tree) damUp() (err error) {
	ways := t.dry.FarWays()
	if len(ways) == 0 {
		return nil
	}
	t.img.Dam = "snappipe-" + rand.Text()
	t.dam, err = sys.DamUp(t.img.Dam+"-now", ways, false)
	if err != nil {
		return kernel.Refuse(t.root().object(), "run this as root, on a kernel with nftables",
			"its connections to others cannot be kept from answering meanwhile: %v", err)
	}
	return nil
}

func (t *tree) breakDam() (err error) {
	if t.dam != nil {
		err = t.dam.Close()
		t.dam = nil
	}
	return err
}

// Finish ends processes that stand still, or lets them go on. If it fails, they go on.
func (g *Captured) Finish(kill bool) error {
	t := g.still
	if !t.still {
		return nil
	}
	if !kill {
		return errors.Join(t.goOn(), t.breakDam())
	}
	if err := t.killAll(); err != nil {
		return errors.Join(err, t.goOn(), t.breakDam())
	}
	t.files.LeaveFar()
	return t.breakDam()
}

// killAll kills all of them at once. Their connections to others, which are open here
// too, end when nothing can be heard of that.
func (t *tree) killAll() error {
	if t.files.HasFar() {
		ways := t.dry.FarWays()
		t.o.Damming(t.root().pid, t.img.Dam, ways)
		stays, err := sys.DamUp(t.img.Dam, ways, true)
		if err == nil {
			err = stays.Close()
		}
		if err == nil {
			err = t.files.Silence()
		}
		if err != nil {
			err = errors.Join(err, sys.BreakDam(t.img.Dam, ways))
			t.o.Damming(t.root().pid, "", nil)
			return err
		}
	}
	for _, c := range t.members {
		_ = unix.Kill(c.pid, unix.SIGKILL) // who is traced may be killed, or is dead
	}
	t.still = false
	err := t.release()
	t.closeMemory()
	t.o.Damming(t.root().pid, "", nil)
	return err
}

// goOn lets them run on.
func (t *tree) goOn() error {
	t.still = false
	err := t.release()
	t.closeMemory()
	t.files.LeaveFar()
	return err
}
