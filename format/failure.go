// A program that cannot go on says so in its stream, in the place of the end:
// so that what comes after it in the pipeline, on this host or on another,
// knows what happened, and need not find out for itself that something did.

package format

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Failure is why there is no image. A Reader returns it as the error of a
// stream that ends in one: nothing in that stream is damaged.
type Failure struct {
	// Refused: what was asked for was refused, and nothing was changed.
	// Otherwise it was tried, and failed.
	Refused bool
	// Program and Host say whose failure it is.
	Program, Host string
	// Object is what stands in the way, Reason why it does, or all that there
	// is to say, and Advice what the user can do. Only Reason is never empty.
	Object, Reason, Advice string
	// Said names the place where the user has been told, see [Failure.SaidHere].
	Said string

	payload []byte // of the frame that it was read from
	id      uint64 // and that frame's identity
}

func (f *Failure) Error() string {
	var b strings.Builder
	if f.Refused {
		b.WriteString("refused by ")
	}
	b.WriteString(f.Program)
	if f.Program == "" {
		b.WriteString("what wrote the stream")
	}
	if f.Host != "" {
		b.WriteString(" on " + f.Host)
	}
	if !f.Refused {
		b.WriteString(" failed")
	}
	if f.Object != "" {
		b.WriteString(": " + f.Object)
	}
	return b.String() + ": " + f.Reason
}

// Hint is the advice.
func (f *Failure) Hint() string { return f.Advice }

// SaidHere reports whether the program whose failure it is has told it where
// this program's standard error goes: on the same terminal, or into the same
// log. Then the user need not be told again.
func (f *Failure) SaidHere() bool { return f.Said != "" && f.Said == placeOf(os.Stderr) }

// refuser is an error that is a refusal, whatever package it is of.
type refuser interface {
	Refused() (object, reason string)
}

// failureOf says of err what goes into a stream: see [Fail].
func failureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) && f.payload != nil {
		return f
	}
	host, _ := os.Hostname() // it is not worth failing for
	own := Failure{Reason: err.Error()}
	if f != nil {
		own = *f
	}
	own.Program, own.Host, own.Said = filepath.Base(os.Args[0]), host, placeOf(os.Stderr)
	var refusal refuser
	if errors.As(err, &refusal) {
		own.Refused = true
		if object, reason := refusal.Refused(); object+": "+reason == own.Reason {
			own.Object, own.Reason = object, reason
		}
	}
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		own.Advice = hint.Hint()
	}
	return &own
}

// Fail writes a stream that says of err why it has nothing else, and returns
// err. It is for a program that fails before it has begun to write its stream;
// [Writer.Fail] is for the others.
//
// It is the failure of this program on this host, which tells of it on standard
// error itself; but a [*Failure] that was read from a stream is passed on as it
// is. An error is a refusal if it has a method Refused() (object, reason string),
// and it has advice if it has a method Hint() string.
func Fail(w io.Writer, err error) error {
	out := &Writer{w: w, info: Info{ID: NewID()}}
	if f := (*Failure)(nil); errors.As(err, &f) && f.payload != nil {
		out.info.ID = f.id
	}
	return out.Fail(err)
}

// The facts of a failure frame.
const (
	failureOutcome = "outcome"
	failureProgram = "program"
	failureHost    = "host"
	failureObject  = "object"
	failureReason  = "reason"
	failureAdvice  = "advice"
	failureSaid    = "said"

	refused = "refused" // one outcome
	failed  = "failed"  // all others
)

const (
	// maxFailure is the longest payload of a failure frame: it is shown to
	// people.
	maxFailure = 16 << 10
	// maxFailureText is how much of each of its texts is written.
	maxFailureText = 2 << 10
)

// frame makes the frame of a failure.
func (f *Failure) frame() (*Frame, error) {
	frame := &Frame{Type: TypeFailure}
	if f.payload != nil {
		return frame, frame.setPayload(f.payload)
	}
	outcome := failed
	if f.Refused {
		outcome = refused
	}
	var facts Facts
	for _, text := range []Fact{
		{Name: failureOutcome, Value: outcome},
		{Name: failureProgram, Value: f.Program},
		{Name: failureHost, Value: f.Host},
		{Name: failureObject, Value: f.Object},
		{Name: failureReason, Value: cmp.Or(f.Reason, "it does not say why")},
		{Name: failureAdvice, Value: f.Advice},
		{Name: failureSaid, Value: f.Said},
	} {
		if text.Value = shorten(text.Value); text.Value != "" {
			facts = append(facts, text)
		}
	}
	return frame, frame.setPayload(appendFacts(nil, facts))
}

// shorten makes of text what a failure frame can hold.
func shorten(text string) string {
	text = strings.ReplaceAll(text, "\n", "; ") // joined errors
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxFailureText {
		const more = "..."
		text = strings.ToValidUTF8(text[:maxFailureText-len(more)], "") + more
	}
	return text
}

// parseFailure reads a failure frame.
func parseFailure(frame *Frame) (*Failure, error) {
	facts, err := parseFacts(frame.Payload())
	if err == nil {
		err = facts.check(failureOutcome, failureReason)
	}
	if err != nil {
		return nil, err
	}
	return &Failure{
		Refused: facts.Get(failureOutcome) == refused,
		Program: facts.Get(failureProgram),
		Host:    facts.Get(failureHost),
		Object:  facts.Get(failureObject),
		Reason:  facts.Get(failureReason),
		Advice:  facts.Get(failureAdvice),
		Said:    facts.Get(failureSaid),
		payload: append([]byte(nil), frame.Payload()...),
		id:      frame.id,
	}, nil
}
