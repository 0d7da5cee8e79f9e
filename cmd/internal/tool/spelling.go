// How options may be spelled: -vf for -v -f, and -oFILE for -o FILE, as
// getopt(3) has it and the library that parses them does not. And what is
// likely to be meant by what is misspelled.

package tool

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/kernel"
)

// takesValue is what to know of each option by all its names.
func takesValue(flags []cli.Flag) map[string]bool {
	all := map[string]bool{}
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			all[name] = ok && doc.TakesValue()
		}
	}
	return all
}

// separate writes options that stand in one argument as arguments of their own.
func separate(args []string, flags []cli.Flag) []string {
	takes := takesValue(flags)
	var all []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			return append(all, args[i:]...) // options come first
		}
		parts := unbundle(arg, takes)
		all = append(all, parts...)
		if takes[strings.TrimLeft(parts[len(parts)-1], "-")] && i+1 < len(args) {
			i++
			all = append(all, args[i]) // its value
		}
	}
	return all
}

func unbundle(arg string, takes map[string]bool) []string {
	_, isName := takes[arg[1:]]
	if isName || arg[1] == '-' {
		return []string{arg}
	}
	var all []string
	for i, letter := range arg[1:] {
		name, rest := string(letter), arg[1+i+len(string(letter)):]
		value, known := takes[name]
		switch {
		case !known || strings.HasPrefix(rest, "="):
			return []string{arg} // for the library to accept or refuse
		case value && rest != "":
			return append(all, "-"+name, rest)
		}
		all = append(all, "-"+name)
	}
	return all
}

// misspelled says what is wrong with the options, and which one is meant by one
// that the library does not know, "" if there is none like it.
func misspelled(err error, flags []cli.Flag) (reason, meant string) {
	_, name, ok := strings.Cut(err.Error(), "flag provided but not defined: -")
	if !ok {
		return err.Error(), ""
	}
	var names []string
	for long := range takesValue(flags) {
		if len(long) > 1 && long != generate {
			names = append(names, long)
		}
	}
	slices.Sort(names)
	if meant = Nearest(strings.TrimPrefix(name, "-"), names); meant != "" {
		meant = "--" + meant
	}
	dashes := "--"
	if len(name) == 1 {
		dashes = "-"
	}
	return "there is no option " + dashes + strings.TrimPrefix(name, "-"), meant
}

// targetAdvice says what a target that is none may have been meant to be.
func targetAdvice(target string) string {
	if _, err := strconv.Atoi(target); err == nil {
		return "did you mean process:" + target + "?"
	}
	var names []string
	for _, usage := range kernel.Targets() {
		name, _, _ := strings.Cut(usage, ":")
		names = append(names, name)
	}
	name, rest, colon := strings.Cut(target, ":")
	meant := Nearest(name, names)
	switch {
	case meant == "" || meant == name:
		return ""
	case colon:
		meant += ":" + rest
	}
	return "did you mean " + meant + "?"
}

// Nearest returns the word that differs least from the one given, "" if none is
// near: a third of its letters may be wrong.
func Nearest(word string, words []string) string {
	best, least := "", len(word)/3+1
	for _, w := range words {
		if d := distance(word, w); d < least || d == least && best == "" {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters have to be put in, taken out or changed to make
// b of a: the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
