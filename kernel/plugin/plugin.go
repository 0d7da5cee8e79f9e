// Package plugin is the kernels that are not in this tree: for NAME:TARGET it
// runs the program snapkernel-NAME, which is looked for on the PATH.
// PROTOCOL.md is what such a program has to keep to.
//
// It is run once for each step, and is told and tells no more than fits on a
// few lines. The image lies between the steps in a file without a name: so the
// program can die, hang or lie at any moment, and nothing is lost but that
// step; and it has nothing to act on until all of an image has been verified.
package plugin

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"snappipe/kernel"
)

func init() { kernel.RegisterOthers(open) }

// names are those that a kernel can have: none leads to another directory, or
// is taken for an option.
var names = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`) })

// program is the program of a kernel, for one target.
type program struct {
	path   string
	name   string // as messages show it: snapkernel-NAME
	target string
	opts   kernel.Options
}

func open(target string, o kernel.Options) (kernel.Kernel, error) {
	name, rest, _ := strings.Cut(target, ":")
	if !names().MatchString(name) {
		return nil, kernel.NoKernel(target, "; the name of another is of a-z, 0-9 and hyphens, and at most 32 long")
	}
	p := &program{name: "snapkernel-" + name, target: rest, opts: o}
	path, err := exec.LookPath(p.name)
	switch {
	case errors.Is(err, exec.ErrDot): // what lies in the working directory may be anybody's
		return nil, kernel.NoKernel(target, ", and a program "+p.name+" is run only from a directory that the PATH names with a leading slash")
	case err != nil:
		return nil, kernel.NoKernel(target, ", and no program "+p.name+" is on the PATH")
	}
	p.path = path
	return p, nil
}
