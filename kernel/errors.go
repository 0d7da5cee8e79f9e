// The errors that mean something to whoever calls a kernel.

package kernel

import (
	"errors"
	"fmt"
)

// ErrResumed is what SnapshotSystem returns the second time: in the system
// that was resumed from the image it took.
var ErrResumed = errors.New("resumed from the snapshot")

// Refusal is the error of a kernel that would not do what it was asked to.
// Nothing was changed.
type Refusal struct {
	Object string // what stands in the way: "fd 7, a TCP socket to 10.0.0.1:80"
	Reason string // why it does
	Advice string // what the user can do about it, or ""
}

func (r *Refusal) Error() string { return r.Object + ": " + r.Reason }

// Refused is what a stream says of it where there is no image.
func (r *Refusal) Refused() (object, reason string) { return r.Object, r.Reason }

// Hint is the advice, for a line of its own below the error.
func (r *Refusal) Hint() string { return r.Advice }

// Refuse returns a Refusal whose reason is formatted.
func Refuse(object, advice, reason string, a ...any) error {
	return &Refusal{Object: object, Reason: fmt.Sprintf(reason, a...), Advice: advice}
}
