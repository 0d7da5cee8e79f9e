// Completions for bash, zsh and fish.

package docs

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// ofFile begins a target that goes on with the name of a file.
const ofFile = "file:"

// takesFile reports whether what is called word is the name of a file.
func takesFile(word string) bool { return word == "FILE" || word == "IMG" }

// Bash writes a completion for bash.
func Bash(w io.Writer, p Page) error {
	var cases, names strings.Builder
	for _, o := range p.options() {
		forms := "--" + o.long
		if o.short != "" {
			forms = "-" + o.short + "|" + forms
		}
		fmt.Fprintf(&names, " --%s", o.long)
		if o.value != "" {
			fmt.Fprintf(&cases, "    %s) %s; return ;;\n", forms, p.bashReply(o.value))
		}
	}
	_, err := fmt.Fprintf(w, `_%[1]s() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  # bash makes words of the parts of "file:PATH"
  if [[ $cur == : ]]; then cur=; elif [[ $prev == : ]]; then prev=; fi
  case $prev in
%[2]s  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '%[3]s' -- "$cur")
  else
    %[4]s
  fi
}
complete -o filenames -F _%[1]s %[1]s
`, p.App.Name, cases.String(), strings.TrimSpace(names.String()), p.bashReply(p.ArgWord))
	return err
}

func (p Page) bashReply(word string) string {
	source := "-W '" + strings.Join(p.Words[word], " ") + "'"
	switch {
	case takesFile(word):
		source = "-f"
	case word == "TARGET":
		source += " -f" // for the part after file:
	case p.Words[word] == nil:
		return "COMPREPLY=()"
	}
	return fmt.Sprintf(`mapfile -t COMPREPLY < <(compgen %s -- "$cur")`, source)
}

// Zsh writes a completion for zsh.
func Zsh(w io.Writer, p Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n_arguments -s \\\n", p.App.Name)
	for _, o := range p.options() {
		about := fmt.Sprintf("'[%s]%s'", zshQuote(o.usage), p.zshAction(o.value))
		if o.short == "" {
			fmt.Fprintf(&b, "  --%s%s \\\n", o.long, about)
			continue
		}
		fmt.Fprintf(&b, "  '(-%[1]s --%[2]s)'{-%[1]s,--%[2]s}%[3]s \\\n", o.short, o.long, about)
	}
	if p.ArgWord != "" {
		fmt.Fprintf(&b, "  '1%s'\n", p.zshAction(p.ArgWord))
	} else {
		b.WriteString("  && return 0\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Page) zshAction(word string) string {
	switch words := p.Words[word]; {
	case word == "":
		return ""
	case takesFile(word):
		return ":" + word + ":_files"
	case slices.Contains(words, ofFile):
		return ":" + word + ":{compset -P file\\: && _files || {" + zshWords(words) + "}}"
	case words != nil:
		return ":" + word + ":(" + strings.ReplaceAll(strings.Join(words, " "), ":", `\:`) + ")"
	}
	return ":" + word + ":"
}

// zshWords adds words, and no space behind those that go on.
func zshWords(words []string) string {
	var whole, begun string
	for _, w := range words {
		if strings.HasSuffix(w, ":") {
			begun += " " + strings.TrimSuffix(w, ":") + `\:`
		} else {
			whole += " " + w
		}
	}
	return `compadd -S "" --` + begun + "; compadd --" + whole
}

func zshQuote(s string) string {
	return strings.NewReplacer(`'`, `'\''`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// Fish writes a completion for fish.
func Fish(w io.Writer, p Page) error {
	var b strings.Builder
	for _, o := range p.options() {
		fmt.Fprintf(&b, "complete -c %s -l %s", p.App.Name, o.long)
		if o.short != "" {
			fmt.Fprintf(&b, " -s %s", o.short)
		}
		fmt.Fprintf(&b, "%s -d %s\n", p.fishValue(o.value), fishQuote(o.usage))
	}
	if !takesFile(p.ArgWord) {
		fmt.Fprintf(&b, "complete -c %s -f", p.App.Name)
		if p.Words[p.ArgWord] != nil {
			b.WriteString(" -a " + p.fishWords(p.ArgWord))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Page) fishValue(word string) string {
	switch words := p.Words[word]; {
	case word == "":
		return ""
	case takesFile(word):
		return " -r -F"
	case words != nil:
		return " -x -a " + p.fishWords(word)
	}
	return " -x"
}

// fishWords is what stands for word. What follows file: is what fish has for
// the rest, with that before each.
func (p Page) fishWords(word string) string {
	words := p.Words[word]
	list := strings.Join(words, " ")
	if slices.Contains(words, ofFile) {
		list += ` (string match -q "file:*" -- (commandline -ct); and __fish_complete_path (string replace "file:" "" -- (commandline -ct)) | string replace -r "^" "file:")`
	}
	return fishQuote(list)
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
