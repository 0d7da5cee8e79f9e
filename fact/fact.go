// Package fact is what an image says of itself apart from its bytes, as pairs
// of name and value.
//
// Kernels make facts and act upon them, and streams carry them. The two know
// nothing of each other, so that what both have to know is here, below them.
package fact

import (
	"fmt"
	"unicode/utf8"
)

// Fact is a name, of lower-case letters, digits and hyphens, and a value.
type Fact struct{ Name, Value string }

// List is facts in the order in which they should be shown.
type List []Fact

const (
	// MaxName is the length of the longest name.
	MaxName = 64
	// Max is how many facts an image may have. It bounds the memory that many
	// short ones take: each costs many times its length.
	Max = 1024
)

// Get returns the value of the named fact, or "" if there is none.
func (l List) Get(name string) string {
	for _, f := range l {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Set gives the named fact a value. It goes to the end of the list if it is
// not there yet.
func (l *List) Set(name, value string) {
	for i := range *l {
		if (*l)[i].Name == name {
			(*l)[i].Value = value
			return
		}
	}
	*l = append(*l, Fact{name, value})
}

// Check returns an error unless all names and values are what they may be, and
// no name comes twice.
func (l List) Check() error {
	if len(l) > Max {
		return fmt.Errorf("more than %d facts", Max)
	}
	seen := map[string]bool{}
	for _, f := range l {
		if err := f.check(); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("fact %q comes twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

func (f Fact) check() error {
	if len(f.Name) == 0 || len(f.Name) > MaxName {
		return fmt.Errorf("the name of a fact has %d bytes", len(f.Name))
	}
	for _, c := range []byte(f.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("fact %q has another name than a-z, 0-9 and hyphens make", f.Name)
		}
	}
	if !utf8.ValidString(f.Value) {
		return fmt.Errorf("fact %q is not UTF-8", f.Name)
	}
	return nil
}
