// Manual pages, in the man(7) macros.

package docs

import (
	"fmt"
	"io"
	"strings"
)

// Man writes the manual page, in the man(7) macros.
func Man(w io.Writer, p Page) error {
	var b strings.Builder
	name := p.App.Name
	fmt.Fprintf(&b, ".TH %s 1 \"\" snappipe\n", strings.ToUpper(name))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", name, roff(p.App.Usage))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", roff(p.Synopsis))
	b.WriteString(".SH DESCRIPTION\n")
	for _, paragraph := range p.About {
		fmt.Fprintf(&b, ".PP\n%s\n", roff(paragraph))
	}
	b.WriteString(".SH OPTIONS\n")
	for _, o := range p.options() {
		fmt.Fprintf(&b, ".TP\n%s\n%s\n", o.forms(bold), roff(o.usage))
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range Statuses {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", s[0], roff(s[1]))
	}
	fmt.Fprintf(&b, ".PP\n%s\n", roff(onSignals))
	fmt.Fprintf(&b, ".SH FILES\n%s\n", roff(onFiles))
	fmt.Fprintf(&b, ".SH PROGRESS\n%s\n", roff(onProgress))
	b.WriteString(".SH EXAMPLES\n")
	for _, e := range p.Examples {
		fmt.Fprintf(&b, ".PP\n%s\n.PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(e.What), roff(e.Command))
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", seeAlso(name))
	_, err := io.WriteString(w, b.String())
	return err
}

const onSignals = `On SIGINT, SIGTERM, SIGHUP and SIGQUIT a tool removes what it has begun and dies of the signal; on SIGQUIT it says so. When nobody reads its standard output any more, it dies of SIGPIPE, silently. Whatever it dies of, what it has written lacks its end, which every reader finds missing.`

const onFiles = `The file "-" is standard input or standard output, and /dev/fd/N what was open as descriptor N. An image has the secrets of what it was taken of. A file that a tool makes is for its owner alone (mode 0600), whatever the umask is; one that --force replaces keeps its owner, mode, access control list and attributes, and is refused where it cannot. A file to which a shell redirects (>) is made by the shell, and open to whom the umask lets: "umask 077" before that keeps it private. A name below /dev where there is no device is refused, since a file there would be gone with the power.`

const onProgress = `If standard error is a terminal and --quiet is not given, a line on it shows what part of the image is done, the rate, the time left, and the ratio of image to stream. In a pipeline only one tool shows it, the one that holds an exclusive flock(2) on the terminal: the last one takes that at once, one that writes to a pipe tries a second later. So in "snapcat | snapcompress | snapverify > img" it is snapverify, and in "snapcat | ssh host ..." it is snapcat.`

var tools = []string{"snapcat", "snapcompress", "snapverify", "snapresume"}

func seeAlso(self string) string {
	var others []string
	for _, t := range tools {
		if t != self {
			others = append(others, bold(t)+"(1)")
		}
	}
	// What they have in common, and the format.
	return strings.Join(append(others, bold("snappipe")+"(7)", bold("snappipe")+"(5)"), ", ")
}

func bold(s string) string { return `\fB` + roff(s) + `\fR` }

// roff escapes what the formatter would take for its own: backslashes,
// hyphens that are to be typed, and control characters that begin a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
