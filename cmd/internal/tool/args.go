// The command line: options that all tools have, and how arguments are parsed.

package tool

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/docs"
)

func init() {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version and exit"}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this text and exit"}
}

// generate is the option with which a build makes the documents.
const generate = "generate"

// How progress is shown.
const inJSON = "json"

var progresses = []string{"auto", inJSON}

var common = []cli.Flag{
	&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors"},
	&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "say what was done"},
	&cli.StringFlag{Name: "progress", Usage: "show progress as `HOW`: a line on a terminal (auto) or, wherever standard error goes, a line of JSON every second (json)"},
	&cli.StringFlag{Name: generate, Hidden: true},
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
		OnUsageError: func(c *cli.Context, err error, _ bool) error {
			reason, meant := misspelled(err, c.App.Flags)
			return t.usage(reason, meant)
		},
		ExitErrHandler: func(*cli.Context, error) {}, // Main does that
		Action: func(c *cli.Context) error {
			if c.IsSet(generate) {
				return t.generate(c, c.String(generate))
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
		Words:    t.words(),
	}
}

// words are what completes values, also of the options that all tools have.
func (t *Tool) words() map[string][]string {
	all := map[string][]string{"HOW": progresses}
	maps.Copy(all, t.Words)
	return all
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
	if how := c.String("progress"); how != "" && !slices.Contains(progresses, how) {
		return t.usage(fmt.Sprintf("--progress %s: it is one of %s", how, strings.Join(progresses, ", ")))
	}
	if c.Bool("quiet") && c.String("progress") == inJSON {
		return t.usage("--quiet and --progress json exclude each other")
	}
	if c.Bool("quiet") && c.Bool("verbose") {
		return t.usage("--quiet and --verbose exclude each other")
	}
	return nil
}

// usage returns a UsageError; meant is what the user may have had in mind, if
// that is known.
func (t *Tool) usage(reason string, meant ...string) error {
	if meant := strings.Join(meant, ""); meant != "" {
		return Usage("did you mean "+meant+"?", "%s", reason)
	}
	return &UsageError{errors.New(reason), t.Name + " --help says what there is"}
}

func (t *Tool) generate(c *cli.Context, kind string) error {
	write, ok := docs.Kinds[kind]
	if !ok {
		return t.usage(fmt.Sprintf("cannot generate %q", kind))
	}
	return write(c.App.Writer, t.page(c.App))
}
