// Exit statuses, and which error leads to which.

package tool

import (
	"errors"
	"fmt"
	"strings"

	"snappipe/cmd/internal/progress"
	"snappipe/format"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

// The exit statuses, as docs has them for manual pages.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitDamage  = 3
	exitRefused = 4
)

// UsageError is the user's slip: nothing was tried.
type UsageError struct {
	Err    error
	Advice string
}

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Hint() string  { return e.Advice }

// Usage returns a UsageError.
func Usage(advice, reason string, a ...any) error {
	return &UsageError{fmt.Errorf(reason, a...), advice}
}

// UntrustedError is about a stream that is not damaged, but not good enough.
type UntrustedError struct{ Reason, Advice string }

func (e *UntrustedError) Error() string { return e.Reason }
func (e *UntrustedError) Hint() string  { return e.Advice }

// Status is the exit status of a program that was resumed: no error, but to
// be passed on.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// PassedOn is an error of which the next program in the pipeline has been told
// by the stream: it is for that, or for the last of them, to tell the user.
type PassedOn struct{ Err error }

func (e *PassedOn) Error() string { return e.Err.Error() }
func (e *PassedOn) Unwrap() error { return e.Err }

func exitStatus(err error) int {
	var (
		status    Status
		failure   *format.Failure
		usage     *UsageError
		target    *kernel.TargetError
		unfit     *file.UnfitError
		damage    *format.DamageError
		untrusted *UntrustedError
		image     interface{ Damaged() }
		refusal   *kernel.Refusal
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &failure):
		if failure.Refused {
			return exitRefused
		}
		return exitDamage
	case errors.As(err, &usage), errors.As(err, &target), errors.As(err, &unfit):
		return exitUsage
	case errors.As(err, &damage), errors.As(err, &untrusted), errors.As(err, &image):
		return exitDamage
	case errors.As(err, &refusal):
		return exitRefused
	}
	return exitFailed
}

// report tells the user of err, unless somebody else has, or will.
func report(d *progress.Display, err error) {
	var failure *format.Failure
	if errors.As(err, new(Status)) || errors.As(err, new(*PassedOn)) || errors.As(err, &failure) && failure.SaidHere() {
		return
	}
	// Joined errors come in lines of their own.
	d.Message(strings.ReplaceAll(err.Error(), "\n", "; "))
	if hint := hintOf(err); hint != "" {
		d.Message(hint)
	}
}

func hintOf(err error) string {
	var hinter interface{ Hint() string }
	var target *kernel.TargetError
	switch {
	case errors.As(err, &hinter):
		return hinter.Hint()
	case errors.As(err, &target):
		return targetAdvice(target.Target)
	case errors.Is(err, format.ErrTruncated):
		return "what wrote the stream died, or the disk was full, or the connection broke"
	}
	return ""
}
