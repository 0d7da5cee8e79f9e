// Package tool makes a program of what one command does: arguments, messages,
// signals and exit status, the same for all of them.
//
// Messages go to standard error, begin with the tool's name, are lower-case
// and have no full stop. An error may be followed by a line that says what to
// do about it.
package tool

import (
	"bytes"
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/early"
	"snappipe/cmd/internal/pipe"
	"snappipe/cmd/internal/progress"
)

// Tool is one command.
type Tool struct {
	Name     string
	Summary  string // what it does, in a few words
	Args     string // its arguments in a usage message: "[IMG]"
	MaxArgs  int
	About    []string // paragraphs of the manual page
	Examples []docs.Example
	Flags    []cli.Flag
	// Words completes what flags and arguments take, by the name that their
	// usage message gives it: "CODEC", "TARGET".
	Words map[string][]string

	Run func(context.Context, *Call) error
}

// Call is one run of a Tool.
type Call struct {
	*cli.Context
	*progress.Display
	Quiet, Verbose bool

	signals *signals
}

// Report is for what only some users want to know.
func (c *Call) Report(line string) {
	if c.Verbose {
		c.Message(line)
	}
}

// Note is for what most users want to know.
func (c *Call) Note(line string) {
	if !c.Quiet {
		c.Message(line)
	}
}

// Warn is for what is lost, which nobody may miss.
func (c *Call) Warn(line string) { c.Message(line) }

// Main runs the tool as this process, and ends it.
func (t *Tool) Main() { os.Exit(t.Execute(os.Args)) }

// Execute runs the tool, whose name is args[0], with the standard streams of
// this process, and returns its exit status. Where that is to have died of a
// signal, it does.
func (t *Tool) Execute(args []string) (status int) {
	if err := errors.Join(early.Standard(), limitMemory()); err != nil {
		report(progress.New(t.Name, os.Stderr, true, false), err)
		return exitFailed
	}
	ctx, signals := watch(context.Background(), t.Name)
	defer signals.stop()
	err := t.run(ctx, args, signals)
	signals.dieIfCaught()
	if brokenStdout(err) {
		dieOfSIGPIPE()
	}
	return exitStatus(err)
}

func (t *Tool) run(ctx context.Context, args []string, s *signals) error {
	var text bytes.Buffer // help, version and documents
	app := t.app(s)
	app.Writer = &text
	app.Setup() // adds what all tools have to the flags
	err := app.RunContext(ctx, append(args[:1:1], separate(args[1:], app.Flags)...))
	if err == nil && text.Len() > 0 {
		_, err = os.Stdout.Write(text.Bytes())
	}
	if err != nil && !s.caught() && !brokenStdout(err) {
		report(progress.New(t.Name, os.Stderr, true, false), err)
	}
	return err
}

func (t *Tool) call(c *cli.Context, s *signals) error {
	if err := t.checkArgs(c); err != nil {
		return err
	}
	quiet := c.Bool("quiet")
	display := progress.New(t.Name, os.Stderr, quiet || c.String("progress") == inJSON, pipe.Is(os.Stdout))
	if c.String("progress") == inJSON {
		display = progress.NewJSON(t.Name, os.Stderr)
	}
	call := &Call{
		Context: c,
		Display: display,
		Quiet:   quiet,
		Verbose: c.Bool("verbose"),
		signals: s,
	}
	defer call.Close()
	return t.Run(c.Context, call)
}
