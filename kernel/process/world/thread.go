// What belongs to one thread.

package world

import "golang.org/x/sys/unix"

// Thread is the state of one thread, as it was stopped.
type Thread struct {
	TID  int
	Comm Text

	// Regs are the general registers (NT_PRSTATUS). A thread that was in a
	// system call shows the kernel's restart code in rax (-512 to -516, and
	// then orig_rax is the call), to be acted upon when it is resumed.
	Regs unix.PtraceRegs `json:"-"`
	// XState is the XSAVE area in the standard, not compacted form
	// (NT_X86_XSTATE; its first 512 bytes are also NT_FPREGSET).
	XState []byte `json:"-"`

	SigMask  Hex
	Pending  []Siginfo // signals pending for this thread alone
	AltStack AltStack
	Rseq     Rseq
	Robust   Robust
	Dispatch Dispatch
	ClearTID Hex // set_tid_address(2)

	Sched      Sched
	TimerSlack uint64 // in nanoseconds; 0 if unknown
	PDeathSig  int
	SecureBits uint32  // PR_GET_SECUREBITS, with that of PR_SET_KEEPCAPS
	NoTSC      bool    // PR_SET_TSC: to read the time stamp counter is a SIGSEGV
	NoCPUID    bool    // ARCH_SET_CPUID: so is the instruction cpuid
	Policy     *Policy `json:",omitempty"` // set_mempolicy(2)
	// Segments are struct user_desc of set_thread_area(2), or empty.
	Segments [3]Bytes
}

// AltStack is a stack_t of sigaltstack(2); SP 0 with SS_DISABLE (2) is none.
type AltStack struct {
	SP    Hex
	Flags int32
	Size  uint64
}

// Rseq is what PTRACE_GET_RSEQ_CONFIGURATION returns, Ptr 0 is none.
// CriticalStruct is the rseq_cs member of the registered area, which registering clears.
type Rseq struct {
	Ptr            Hex
	Size, Sig      uint32
	Flags          uint32
	CriticalStruct Hex
}

// Dispatch is Syscall User Dispatch, of PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG:
// Mode 0 is none, and an inclusive range is the exclusive one of all the rest.
type Dispatch struct {
	Mode                  uint64
	Offset, Len, Selector Hex
}

// Robust is the robust futex list of get_robust_list(2).
type Robust struct {
	Head Hex
	Len  uint64
}

// IsRealTime reports whether a scheduling policy comes before those that share the
// processors: sched(7).
func IsRealTime(policy uint32) bool {
	return policy == unix.SCHED_FIFO || policy == unix.SCHED_RR || policy == unix.SCHED_DEADLINE
}

// Sched is what sched_getattr(2), sched_getaffinity(2) and ioprio_get(2)
// return.
type Sched struct {
	Policy                    uint32
	Flags                     uint64
	Nice                      int32
	Priority                  uint32
	Runtime, Deadline, Period uint64
	UtilMin, UtilMax          uint32
	Affinity                  []int // the CPUs it may run on
	IOPrio                    int
}
