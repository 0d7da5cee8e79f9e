// The live programs that are measured are this program again, told by its
// environment what to be. So the benchmark needs nothing installed.

package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

const childMarker = "SNAPPIPE_BENCH_CHILD"

// beChild is what a child does instead of main: "heap", or "target", "crowd", "family",
// "copy" or "fill" and what that takes.
func beChild(what string) {
	if what == "heap" {
		holdHeap()
		return
	}
	var program interface{ run() error }
	if c, err := parseCrowd(what); err == nil {
		program = c
	} else if f, err := parseFamily(what); err == nil {
		program = f
	} else if c, err := parseCopier(what); err == nil {
		program = c
	} else if f, err := parseFiller(what); err == nil {
		program = f
	}
	if program != nil {
		if err := program.run(); err != nil {
			log.Fatal(err)
		}
		return
	}
	t, err := parseTarget(what)
	if err != nil {
		log.Fatal(err)
	}
	t.run()
}

// child is a live program. It prints "ready" when it is, and answers each
// further line with a line.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startChild starts a child and waits until it is ready.
func startChild(what string) (*child, error) { return startChildAs(what, nil) }

// startChildAs is startChild for another user, nil being this one.
func startChildAs(what string, user *syscall.Credential) (*child, error) {
	c := &child{cmd: exec.Command(self)}
	c.cmd.Env = append(os.Environ(), childMarker+"="+what)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	c.cmd.Stderr = os.Stderr
	if err := c.start(); err != nil {
		return nil, err
	}
	if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
		c.stop()
		return nil, fmt.Errorf("%s: not ready: %q, %w", what, line, err)
	}
	return c, nil
}

// startCommand starts a command that a child comes of.
func startCommand(name string, args ...string) (*child, error) {
	c := &child{cmd: exec.Command(name, args...)}
	c.cmd.Stderr = os.Stderr
	return c, c.start()
}

func (c *child) start() error {
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReader(out)
	return c.cmd.Start()
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// ask sends a line and returns the answer.
func (c *child) ask(line string) (string, error) {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return "", err
	}
	answer, err := c.out.ReadString('\n')
	return strings.TrimSpace(answer), err
}

func (c *child) stop() {
	c.in.Close()
	c.cmd.Process.Kill()
	c.cmd.Wait()
}
