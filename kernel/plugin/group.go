// The process group that a program runs in, and which dies with this process.
//
// PR_SET_PDEATHSIG would kill the program alone, and not what it started. So
// the group has a leader, which is this very executable once more: it waits on a
// socket whose other end nobody but this process has, and the kernel closes that
// end however this process dies. As long as the leader has not been waited for,
// the number of the group is nobody else's.
//
// No moment is left out. The leader stands ready before the program is started,
// and between fork and exec the program itself has the other end too: when the
// leader learns of a death, the program is in the group or was never run.

package plugin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// leading is the name by which this executable knows that it leads a group.
const leading = "snapkernel-group"

func init() {
	if len(os.Args) == 1 && os.Args[0] == leading && unix.Getpgrp() == unix.Getpid() {
		lead()
	}
}

// lead says that it is ready, and kills the group and itself unless it is told to
// let go of it.
func lead() {
	signal.Ignore() // what a program sends to all of its group
	var b [1]byte
	if _, err := os.Stdin.Write(b[:]); err == nil {
		if n, _ := os.Stdin.Read(b[:]); n == 1 {
			os.Exit(0)
		}
	}
	_ = unix.Kill(0, unix.SIGKILL)
	os.Exit(1)
}

type group struct {
	leader  *exec.Cmd
	line    *os.File // to the leader
	program *exec.Cmd
}

func newGroup() (*group, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	line, its := os.NewFile(uintptr(fds[0]), "line"), os.NewFile(uintptr(fds[1]), "line")
	leader := exec.Command("/proc/self/exe")
	leader.Args = []string{leading}
	leader.Stdin = its
	leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = leader.Start()
	its.Close()
	if err != nil {
		line.Close()
		return nil, fmt.Errorf("start the leader of a process group: %w", err)
	}
	g := &group{leader: leader, line: line}
	if _, err := line.Read(make([]byte, 1)); err != nil {
		return nil, fmt.Errorf("the leader of a process group: %w", errors.Join(err, g.end(false)))
	}
	return g, nil
}

// start starts cmd in the group. It is killed when its context ends.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.leader.Process.Pid}
	cmd.Cancel = g.kill
	g.program = cmd
	return cmd.Start()
}

// kill kills all of the group, and the program if that has left it.
func (g *group) kill() error {
	if g.program != nil && g.program.Process != nil {
		_ = g.program.Process.Kill() // or it has ended
	}
	return unix.Kill(-g.leader.Process.Pid, unix.SIGKILL)
}

// end gives up the group when the program has ended. What is still in it lives
// on, or is killed.
func (g *group) end(live bool) error {
	defer g.line.Close()
	if !live {
		err := g.kill()
		_ = g.leader.Wait() // it was killed
		return err
	}
	_, err := g.line.Write([]byte{1})
	return errors.Join(err, g.leader.Wait())
}
