// The command line: options that all tools have, and how arguments are parsed.

package tool

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/docs"
)

func init() {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version and exit"}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this text and exit"}
}

var common = []cli.Flag{
	&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors"},
	&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "say what was done"},
	&cli.StringFlag{Name: "generate", Hidden: true},
}

// app describes the tool to the library that parses its arguments.
func (t *Tool) app(s *signals) *cli.App {
	cli.HelpPrinter = func(w io.Writer, _ string, app any) { docs.Help(w, t.page(app.(*cli.App))) }
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintln(c.App.Writer, t.Name, c.App.Version) }
	return &cli.App{
		Name:            t.Name,
		Usage:           t.Summary,
		Version:         version(),
		Flags:           append(slices.Clone(t.Flags), common...),
		HideHelpCommand: true,
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return t.usage(err.Error()) },
		ExitErrHandler:  func(*cli.Context, error) {}, // Main does that
		Action: func(c *cli.Context) error {
			if c.IsSet("generate") {
				return t.generate(c, c.String("generate"))
			}
			return t.call(c, s)
		},
	}
}

func (t *Tool) page(app *cli.App) docs.Page {
	return docs.Page{
		App:      app,
		Synopsis: strings.TrimSpace(t.Name + " [options] " + t.Args),
		About:    t.About,
		Examples: t.Examples,
		ArgWord:  strings.Trim(t.Args, "[]"),
		Words:    t.Words,
	}
}

// checkArgs makes errors of what the library passes over: it takes all that
// follows the first argument for further arguments, flags too.
func (t *Tool) checkArgs(c *cli.Context) error {
	args := c.Args().Slice()
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(arg, "-") && len(arg) > 1 {
			return t.usage(fmt.Sprintf("option %s comes after an argument: options come first", arg))
		}
	}
	if len(args) > t.MaxArgs {
		return t.usage(fmt.Sprintf("unexpected argument %q", args[t.MaxArgs]))
	}
	if slices.Contains(args, "") {
		return t.usage("an argument is empty")
	}
	for _, f := range t.Flags {
		name := f.Names()[0]
		if s, ok := c.Value(name).(string); ok && s == "" && c.IsSet(name) {
			return t.usage(fmt.Sprintf("option --%s has an empty value", name))
		}
	}
	if c.Bool("quiet") && c.Bool("verbose") {
		return t.usage("--quiet and --verbose exclude each other")
	}
	return nil
}

func (t *Tool) usage(reason string) error {
	return &UsageError{errors.New(reason), t.Name + " --help says what there is"}
}

func (t *Tool) generate(c *cli.Context, kind string) error {
	write, ok := docs.Kinds[kind]
	if !ok {
		return t.usage(fmt.Sprintf("cannot generate %q", kind))
	}
	return write(c.App.Writer, t.page(c.App))
}
