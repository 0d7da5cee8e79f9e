// Package docs makes the help text, the manual page and the shell completions
// of a tool from the very options that it takes.
package docs

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Page is all there is to say of a tool.
type Page struct {
	App      *cli.App
	Synopsis string
	About    []string // paragraphs
	Examples []Example
	ArgWord  string              // what the argument is called, "" if there is none
	Words    map[string][]string // what completes a value, by what it is called
}

// Example is a command line and what it does.
type Example struct{ Command, What string }

// Kinds are the documents that can be made.
var Kinds = map[string]func(io.Writer, Page) error{
	"man":  Man,
	"bash": Bash,
	"zsh":  Zsh,
	"fish": Fish,
}

// option is a flag, taken apart.
type option struct {
	long, short string // short is "" if there is none
	value       string // what its value is called, "" if it takes none
	usage       string // without marks
}

func (p Page) options() []option {
	var all []option
	for _, f := range p.App.VisibleFlags() {
		var o option
		for _, name := range f.Names() {
			if len(name) == 1 {
				o.short = name
			} else {
				o.long = name
			}
		}
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			o.usage = doc.GetUsage()
		}
		if _, rest, ok := strings.Cut(o.usage, "`"); ok {
			o.value, _, _ = strings.Cut(rest, "`")
			o.usage = strings.ReplaceAll(o.usage, "`", "")
		}
		all = append(all, o)
	}
	return all
}

// forms returns the spellings of an option: "-o FILE, --output FILE".
func (o option) forms(bold func(string) string) string {
	value := ""
	if o.value != "" {
		value = " " + o.value
	}
	long := bold("--"+o.long) + value
	if o.short == "" {
		return long
	}
	return bold("-"+o.short) + value + ", " + long
}

// Statuses are the exit statuses of all tools.
var Statuses = [][2]string{
	{"0", "done"},
	{"1", "failed: a read or write, or what was to be snapshotted or resumed"},
	{"2", "wrong usage: nothing was tried"},
	{"3", "the stream is damaged, cut off, or not to be trusted"},
	{"4", "refused: nothing was changed"},
}

// Help writes the help text.
func Help(w io.Writer, p Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nusage: %s\n", p.App.Name, p.App.Usage, p.Synopsis)
	for _, paragraph := range p.About {
		b.WriteString("\n" + wrap(paragraph, ""))
	}
	b.WriteString("\noptions:\n")
	for _, o := range p.options() {
		fmt.Fprintf(&b, "  %s\n%s", o.forms(plain), wrap(o.usage, "        "))
	}
	b.WriteString("\nexamples:\n")
	for _, e := range p.Examples {
		fmt.Fprintf(&b, "  %s\n%s", e.Command, wrap(e.What, "        "))
	}
	b.WriteString("\nexit status:\n")
	for _, s := range Statuses {
		fmt.Fprintf(&b, "  %s  %s\n", s[0], s[1])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plain(s string) string { return s }

// wrap breaks text into lines for a terminal of 80 columns.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > 78:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}
