// This file numbers the steps of a resume. Each can be made to fail by a test,
// which then looks whether anything is left.

package restore

// step is one of them.
type step int

const (
	stepCheck step = iota
	stepStub
	stepIdentity
	stepClear
	stepContents
	stepMap
	stepSettle
	stepMM
	stepFiles
	stepEpoll
	stepProcess
	stepSignals
	stepThreads
	stepThreadState
	stepTimers
	stepIPC
	stepLimits
	stepCredentials
	stepRegisters
	stepTerminal
	stepRelease // the last: it does not fail halfway
	steps       // how many there are
)

// stage is a step and what is done in it.
type stage struct {
	step step
	do   func() error
}

// afterStep is called when a step was taken. Tests replace it.
var afterStep = func(step) error { return nil }

// identified is called when the IDs of a tree were found to be free. Tests replace
// it.
var identified = func() {}

// letGo is called when a process was. Tests replace it.
var letGo = func() {}

// inOrder takes steps up to the first that fails.
func inOrder(stages []stage) error {
	for _, s := range stages {
		if err := s.do(); err != nil {
			return err
		}
		if err := afterStep(s.step); err != nil {
			return err
		}
	}
	return nil
}
