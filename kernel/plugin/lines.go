// What the program is told, and what it answers: a word, a space, and a text in
// which a newline is escaped.

package plugin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"snappipe/kernel"
)

const (
	maxFacts = 512 // a stream has room for these and its own
	maxText  = 4096
)

var factNames = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9-]{1,64}$`) })

// answers are what a program said in one step.
type answers struct {
	verb                            string // of the step
	facts                           kernel.Facts
	object, reason, advice, resumed string
	reports, warnings               []string
}

// only are the answers that one verb alone has.
var only = map[string]string{"fact": "snapshot", "resumed": "resume"}

// parse reads the answers to verb. An error names the line.
func parse(verb string, b []byte) (*answers, error) {
	a := &answers{verb: verb}
	if len(b) == 0 {
		return a, nil
	}
	if b[len(b)-1] != '\n' {
		return nil, fmt.Errorf("its last answer is cut off")
	}
	for i, line := range strings.Split(string(b[:len(b)-1]), "\n") {
		if err := a.add(line); err != nil {
			return nil, fmt.Errorf("line %d of its answers: %w", i+1, err)
		}
	}
	return a, nil
}

func (a *answers) add(line string) error {
	word, text, _ := strings.Cut(line, " ")
	if !utf8.ValidString(line) {
		return fmt.Errorf("it is not UTF-8")
	}
	if len(line) > maxText {
		return fmt.Errorf("it is longer than %d bytes", maxText)
	}
	text, err := unescape(text)
	if err != nil {
		return err
	}
	once := map[string]*string{"refused": &a.object, "reason": &a.reason, "advice": &a.advice, "resumed": &a.resumed}[word]
	verb, bound := only[word]
	switch {
	case bound && verb != a.verb:
		return fmt.Errorf("%q is no answer to %s", word, a.verb)
	case word == "fact":
		return a.addFact(text)
	case text == "":
		return fmt.Errorf("%.40q is a word alone, or none", line)
	case word == "report":
		a.reports = append(a.reports, text)
	case word == "warn":
		a.warnings = append(a.warnings, text)
	case once == nil:
		return fmt.Errorf("there is no answer %.40q", word)
	case *once != "":
		return fmt.Errorf("%q comes twice", word)
	default:
		*once = text
	}
	return nil
}

func (a *answers) addFact(text string) error {
	name, value, _ := strings.Cut(text, " ")
	switch {
	case !factNames().MatchString(name):
		return fmt.Errorf("the name of a fact is of a-z, 0-9 and hyphens, at most 64 long, and not %.80q", name)
	case slices.ContainsFunc(a.facts, func(f kernel.Fact) bool { return f.Name == name }):
		return fmt.Errorf("fact %q comes twice", name)
	case len(a.facts) == maxFacts:
		return fmt.Errorf("there are more than %d facts", maxFacts)
	}
	a.facts = append(a.facts, kernel.Fact{Name: name, Value: value})
	return nil
}

// tell writes what a program is told of an image.
func tell(facts kernel.Facts, size int64) []byte {
	b := fmt.Appendf(nil, "size %d\n", size)
	for _, f := range facts {
		b = fmt.Appendf(b, "fact %s %s\n", f.Name, escape.Replace(f.Value))
	}
	return b
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

func unescape(s string) (string, error) {
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(s, `\`)
		b.WriteString(plain)
		switch {
		case !found:
			return b.String(), nil
		case strings.HasPrefix(rest, `\`):
			b.WriteByte('\\')
		case strings.HasPrefix(rest, "n"):
			b.WriteByte('\n')
		default:
			return "", fmt.Errorf(`a backslash stands before neither another nor an "n"`)
		}
		s = rest[1:]
	}
}
