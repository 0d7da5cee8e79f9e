// What only a thread itself can ask the kernel: a list of questions, each a
// system call, that all threads are made to go through at the same time.

package capture

import (
	"errors"
	"fmt"

	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// question is a system call and what to do with its answer: what it returned
// or, in b, stored.
type question struct {
	what   string
	nr     uint64
	args   [6]uint64 // of which here is the address to store at
	stores int       // bytes, a multiple of 8
	take   func(t *world.Thread, v uint64, b []byte) error
	// absent are errors by which the kernel says that there is no such thing.
	absent []error
}

// here is no address and no flag of a call.
const here = 1<<63 + 0x68657265

// Numbers that golang.org/x/sys has no name for.
const (
	prGetTIDAddress = 40
	archGetCPUID    = 0x1011 // arch/x86/include/uapi/asm/prctl.h

	// include/uapi/linux/keyctl.h
	keyctlGetKeyringID = 0
	threadKeyring      = ^uint64(0)     // KEY_SPEC_THREAD_KEYRING
	processKeyring     = ^uint64(0) - 1 // KEY_SPEC_PROCESS_KEYRING
)

var noKeyring = []error{unix.ENOKEY, unix.ENOSYS, unix.EOPNOTSUPP, unix.EKEYREVOKED, unix.EKEYEXPIRED}

// threadQuestions are asked of every thread.
var threadQuestions = []question{
	{what: "alternate signal stack", nr: unix.SYS_SIGALTSTACK, args: [6]uint64{0, here}, stores: 24,
		take: func(t *world.Thread, _ uint64, b []byte) error {
			t.AltStack = world.AltStack{SP: world.Hex(le.Uint64(b)), Flags: int32(le.Uint32(b[8:])), Size: le.Uint64(b[16:])}
			return nil
		}},
	{what: "thread ID address", nr: unix.SYS_PRCTL, args: [6]uint64{prGetTIDAddress, here}, stores: 8,
		take: func(t *world.Thread, _ uint64, b []byte) error {
			t.ClearTID = world.Hex(le.Uint64(b))
			return nil
		}},
	{what: "parent-death signal", nr: unix.SYS_PRCTL, args: [6]uint64{unix.PR_GET_PDEATHSIG, here}, stores: 8,
		take: func(t *world.Thread, _ uint64, b []byte) error {
			t.PDeathSig = int(le.Uint32(b))
			return nil
		}},
	{what: "timer slack", nr: unix.SYS_PRCTL, args: [6]uint64{unix.PR_GET_TIMERSLACK},
		take: func(t *world.Thread, v uint64, _ []byte) error {
			t.TimerSlack = v
			return nil
		}},
	{what: "secure bits", nr: unix.SYS_PRCTL, args: [6]uint64{unix.PR_GET_SECUREBITS},
		take: func(t *world.Thread, v uint64, _ []byte) error {
			t.SecureBits = uint32(v)
			return nil
		}},
	{what: "use of the time stamp counter", nr: unix.SYS_PRCTL, args: [6]uint64{unix.PR_GET_TSC, here}, stores: 8,
		take: func(t *world.Thread, _ uint64, b []byte) error {
			t.NoTSC = le.Uint32(b) == unix.PR_TSC_SIGSEGV
			return nil
		}},
	{what: "use of CPUID", nr: unix.SYS_ARCH_PRCTL, args: [6]uint64{archGetCPUID}, absent: []error{unix.EINVAL},
		take: func(t *world.Thread, v uint64, _ []byte) error {
			t.NoCPUID = v == 0
			return nil
		}},
	{what: "memory policy", nr: unix.SYS_GET_MEMPOLICY, args: [6]uint64{here, here + policyMode, maxNode}, stores: policyStores,
		absent: []error{unix.ENOSYS},
		take: func(t *world.Thread, _ uint64, b []byte) error {
			t.Policy = policy(b)
			return nil
		}},
	{what: "thread keyring", nr: unix.SYS_KEYCTL, args: [6]uint64{keyctlGetKeyringID, threadKeyring}, absent: noKeyring,
		take: func(*world.Thread, uint64, []byte) error {
			return errors.New("a keyring of its own, whose keys nobody else may read (thread-keyring(7))")
		}},
	{what: "process keyring", nr: unix.SYS_KEYCTL, args: [6]uint64{keyctlGetKeyringID, processKeyring}, absent: noKeyring,
		take: func(*world.Thread, uint64, []byte) error {
			return errors.New("a keyring of the process, whose keys nobody else may read (process-keyring(7))")
		}},
}

func threadShape(threads int) ptrace.Shape {
	stores := 0
	for _, q := range threadQuestions {
		stores += q.stores
	}
	return ptrace.Shape{Lists: threads, Calls: len(threadQuestions), Results: stores}
}

// calls are the system calls that questions are, for answers at an address.
func calls(questions []question, at uint64) []ptrace.Call {
	all := make([]ptrace.Call, len(questions))
	for i, q := range questions {
		all[i] = ptrace.Call{Nr: q.nr, Args: q.args}
		for j, a := range q.args {
			if a >= here && a < here+uint64(q.stores) {
				all[i].Args[j] = at + a - here
			}
		}
		at += uint64(q.stores)
	}
	return all
}

// askThreads has every thread say what the kernel tells nobody else.
func (c *member) askThreads(p *ptrace.Programs) error {
	f := &c.frozen
	for i, s := range f.group.Threads {
		if err := p.Set(i, calls(threadQuestions, p.Result(i)), s); err != nil {
			return err
		}
	}
	if err := f.group.Run(p, f.group.Threads); err != nil {
		return err
	}
	for i := range f.group.Threads {
		if err := c.takeAnswers(p, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *member) takeAnswers(p *ptrace.Programs, i int) error {
	b := p.Stored(i)
	for j, q := range threadQuestions {
		v, err := p.Returned(i, j)
		switch {
		case err == nil:
			if err := q.take(&c.task.Threads[i], v, b); err != nil {
				return c.refuse("", "its thread %d has %v", c.frozen.tids[i], err)
			}
		case !isOneOf(err, q.absent):
			return fmt.Errorf("asking for the %s of thread %d: %w", q.what, c.frozen.tids[i], err)
		}
		b = b[q.stores:]
	}
	return nil
}

func isOneOf(err error, these []error) bool {
	for _, e := range these {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
