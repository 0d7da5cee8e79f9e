// This file is about failures that are no reason to give up.

package restore

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ignore drops an error that is one of those given.
func ignore(err error, these ...unix.Errno) error {
	for _, e := range these {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// tolerate reports, instead of failing, that the user may not set something
// that the program goes on without.
func (p *process) tolerate(what string, err error) error { return p.objects.Tolerate(what, err) }
