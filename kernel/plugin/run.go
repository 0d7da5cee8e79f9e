// One step: the program is run, and what it answers is read.

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

const (
	maxAnswers = 1 << 20 // bytes that a program may answer in one step
	// lingering is how long answers are waited for when the program has ended
	// but a child of its own still holds their pipe.
	lingering = time.Second
)

// step is one call of the program.
type step struct {
	verb    string
	in, out *os.File // nil for /dev/null
	told    []byte   // what it can read from descriptor 4
	alone   bool     // children that it leaves are killed
}

// run takes the program through a step. It is killed when ctx ends, and when
// this process dies; what it has started is too, unless it has done what it
// should and need not be alone.
func (p *program) run(ctx context.Context, s step) (*answers, error) {
	told, err := memory(s.told)
	if err != nil {
		return nil, err
	}
	defer told.Close()
	g, err := newGroup()
	if err != nil {
		return nil, err
	}
	said, ended, err := p.talk(ctx, s, g, told)
	var a *answers
	if err == nil {
		a, err = p.judge(s.verb, said, ended)
	}
	if end := g.end(err == nil && !s.alone); err == nil && end != nil {
		return nil, fmt.Errorf("%s %s: %w", p.name, s.verb, end)
	}
	return a, err
}

// talk returns what the program answered, and how it ended.
func (p *program) talk(ctx context.Context, s step, g *group, told *os.File) (said []byte, ended, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	err = g.start(p.command(ctx, s, w, told))
	w.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("run %s: %w", p.name, err)
	}
	all := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(r, maxAnswers+1))
		if len(b) > maxAnswers {
			_ = g.kill()
		}
		all <- b
	}()
	ended = g.program.Wait()
	if s.alone || ended != nil {
		_ = g.kill()
	}
	err = r.SetReadDeadline(time.Now().Add(lingering))
	said = <-all
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return said, ended, err
}

func (p *program) command(ctx context.Context, s step, answers, told *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, s.verb+"-v1", p.target)
	if p.opts.Force {
		cmd.Args = append(cmd.Args, "force")
	}
	cmd.Stderr = os.Stderr
	if s.in != nil { // else it would be a nil pointer in an interface
		cmd.Stdin = s.in
	}
	if s.out != nil {
		cmd.Stdout = s.out
	}
	cmd.ExtraFiles = []*os.File{answers, told}
	return cmd
}

// judge makes of how the program ended what it means.
func (p *program) judge(verb string, said []byte, ended error) (*answers, error) {
	fail := func(err error) error { return fmt.Errorf("%s %s: %w", p.name, verb, err) }
	if len(said) > maxAnswers {
		return nil, fail(fmt.Errorf("it answers more than %d bytes", maxAnswers))
	}
	a, err := parse(verb, said)
	var exit *exec.ExitError
	if ended != nil && !errors.As(ended, &exit) {
		return nil, fail(ended)
	}
	switch {
	case ended != nil && exit.ExitCode() == 3 && verb != "snapshot":
		return nil, damaged{fail(errors.New("it says that the image is none of its own"))}
	case ended != nil && exit.ExitCode() != 4:
		return nil, fail(ended)
	case err != nil:
		return nil, fail(err)
	}
	for _, line := range a.reports {
		p.opts.Report(line)
	}
	for _, line := range a.warnings {
		p.opts.Warn(line)
	}
	switch {
	case ended != nil && (a.object == "" || a.reason == ""):
		return nil, fail(errors.New("it refused, but does not say what and why"))
	case ended != nil:
		return nil, kernel.Refuse(a.object, a.advice, "%s", a.reason)
	case a.object != "":
		return nil, fail(errors.New("it refused, but ended with exit status 0"))
	}
	return a, nil
}

// damaged is what the program said of an image.
type damaged struct{ error }

func (damaged) Damaged() {}

// memory makes a file that holds b and is read from its beginning.
func memory(b []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("snapkernel", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "what the program is told")
	if _, err := f.WriteAt(b, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
