// With --lazy and --detach, who resumes a program has to stay behind for as long as
// that lacks anything of its memory. So it is another process that does it all, and
// this one leaves when the program runs.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/tool"
)

// behind is the first argument of the one that stays, and what ps(1) shows.
const behind = "snapresume-lazy"

func staysBehind() bool { return os.Args[0] == behind }

// told is the descriptor by which it tells the other that the program runs.
const told = 3

// begunBehind has it resume the program, and returns what became of that.
func begunBehind(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	self, err := os.StartProcess("/proc/self/exe", append([]string{behind}, os.Args[1:]...), &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, w},
		// No key that is typed for this one reaches it, nor the program.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("starting %s: %w", behind, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = self.Signal(unix.SIGTERM) })
	defer stop()
	if n, err := r.Read(make([]byte, 1)); n == 1 || ctx.Err() != nil {
		return err
	}
	state, err := self.Wait()
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", behind, err)
	}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return tool.Status(128 + int(status.Signal()))
	}
	return tool.Status(state.ExitCode())
}

// beBehind is what it does first.
func beBehind() error {
	unix.CloseOnExec(told)
	return os.WriteFile("/proc/self/comm", []byte(behind), 0)
}

// tellBegun tells the other, if there is one, that the program runs.
func tellBegun() error {
	if !staysBehind() {
		return nil
	}
	_, err := unix.Write(told, []byte{0})
	if err == unix.EPIPE {
		err = nil // it was ended meanwhile
	}
	return errors.Join(err, unix.Close(told), letGo())
}
