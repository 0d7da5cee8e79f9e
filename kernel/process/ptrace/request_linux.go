// This file holds every raw ptrace(2) request of the project, each behind a
// method that takes and gives Go values. Nothing else calls the system call.
//
// unsafe is needed because the requests pass addresses of the tracer's own
// memory in the addr and data arguments; each such address is taken in the
// argument list of the system call itself, as package unsafe requires.
//
// The calls are raw ones, of which the Go scheduler is not told: none of them
// waits, and there may be ten thousand while a program is stopped.

package ptrace

import (
	"bytes"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Thread is one thread under trace, by its thread ID as the tracer sees it.
// All of its methods but Kill must be called on the OS thread that traces it
// (ptrace(2)); [Tracer] provides one.
type Thread int

// Option is a set of PTRACE_O_ flags.
type Option uintptr

const (
	// SysGood marks system-call stops, so that [Thread.Wait] can tell them
	// from a SIGTRAP. Everything here needs it.
	SysGood Option = unix.PTRACE_O_TRACESYSGOOD
	// Births stops what the thread creates before its first instruction,
	// and traces it too, with the same options.
	Births Option = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE
	// ExitKill has the kernel SIGKILL the thread when its tracer is gone,
	// however that ended (kernel/ptrace.c: exit_ptrace).
	ExitKill Option = unix.PTRACE_O_EXITKILL
	// SuspendSeccomp lifts the thread's seccomp filters while it is traced.
	// It needs CAP_SYS_ADMIN.
	SuspendSeccomp Option = unix.PTRACE_O_SUSPEND_SECCOMP
)

// Seize begins to trace a thread without stopping it. Unlike
// PTRACE_ATTACH it sends no SIGSTOP, so the program cannot notice.
func Seize(tid int, o Option) (Thread, error) {
	return Thread(tid), request(unix.PTRACE_SEIZE, Thread(tid), 0, uintptr(o))
}

// SetOptions replaces the thread's options.
func (t Thread) SetOptions(o Option) error {
	return request(unix.PTRACE_SETOPTIONS, t, 0, uintptr(o))
}

// Interrupt asks a seized thread to stop. It then reports [Interrupted],
// after any other stop that was already on its way.
func (t Thread) Interrupt() error {
	return request(unix.PTRACE_INTERRUPT, t, 0, 0)
}

// Listen leaves a seized thread in its group-stop, to report the next event.
func (t Thread) Listen() error {
	return request(unix.PTRACE_LISTEN, t, 0, 0)
}

// Cont lets a stopped thread run, delivering sig to it unless that is 0.
// Only after a [Signalled] stop does sig have a meaning.
func (t Thread) Cont(sig unix.Signal) error {
	return request(unix.PTRACE_CONT, t, 0, uintptr(sig))
}

// contToSyscall is Cont up to the next entry to or exit from a system call.
func (t Thread) contToSyscall(sig unix.Signal) error {
	return request(unix.PTRACE_SYSCALL, t, 0, uintptr(sig))
}

// Detach ends the trace of a stopped thread and lets it run, delivering sig
// to it unless that is 0.
func (t Thread) Detach(sig unix.Signal) error {
	return request(unix.PTRACE_DETACH, t, 0, uintptr(sig))
}

// eventMessage is the number that goes with an event stop: for [Birth], the
// ID of the new thread or process in the tracer's PID namespace.
func (t Thread) eventMessage() (uint64, error) {
	var m uint64
	err := request(unix.PTRACE_GETEVENTMSG, t, 0, uintptr(unsafe.Pointer(&m)))
	return m, err
}

// SigMask is the set of blocked signals, bit n-1 for signal n. Within
// sigsuspend(2), ppoll(2) and their like it is the mask that the call will
// put back, which is the program's own (kernel/ptrace.c: PTRACE_GETSIGMASK).
func (t Thread) SigMask() (uint64, error) {
	var m uint64
	err := request(unix.PTRACE_GETSIGMASK, t, unsafe.Sizeof(m), uintptr(unsafe.Pointer(&m)))
	return m, err
}

// SetSigMask sets what SigMask reads.
func (t Thread) SetSigMask(m uint64) error {
	return request(unix.PTRACE_SETSIGMASK, t, unsafe.Sizeof(m), uintptr(unsafe.Pointer(&m)))
}

// Siginfo is a siginfo_t, as bytes.
type Siginfo [128]byte

// Siginfo describes the signal of a [Signalled] stop.
func (t Thread) Siginfo() (Siginfo, error) {
	var s Siginfo
	err := request(unix.PTRACE_GETSIGINFO, t, 0, uintptr(unsafe.Pointer(&s)))
	return s, err
}

// Pending lists the signals that wait for this thread, or with shared those
// that wait for its whole process, oldest first, and leaves them waiting.
func (t Thread) Pending(shared bool) ([]Siginfo, error) {
	// struct ptrace_peeksiginfo_args, include/uapi/linux/ptrace.h
	args := struct {
		off   uint64
		flags uint32
		nr    int32
	}{}
	if shared {
		args.flags = unix.PTRACE_PEEKSIGINFO_SHARED
	}
	var all []Siginfo
	for {
		var some [32]Siginfo
		args.off, args.nr = uint64(len(all)), int32(len(some))
		n, _, errno := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_PEEKSIGINFO, uintptr(t),
			uintptr(unsafe.Pointer(&args)), uintptr(unsafe.Pointer(&some)), 0, 0)
		if errno != 0 {
			return nil, errno
		}
		// Fewer than were asked for are not the last: a signal to the tracer
		// ends it early (kernel/ptrace.c: ptrace_peek_siginfo).
		if n == 0 {
			return all, nil
		}
		all = append(all, some[:n]...)
	}
}

// ThreadAreas is how many segments a thread can have by set_thread_area(2), from
// firstArea on (arch/x86/include/asm/segment.h: GDT_ENTRY_TLS_MIN).
const (
	ThreadAreas = 3
	firstArea   = 12
)

// ThreadArea reads one, a struct user_desc; nil if it is not set, or for a kernel
// that runs no 32-bit code and so has none.
func (t Thread) ThreadArea(i int) ([]byte, error) {
	area := make([]byte, 16)
	err := request(unix.PTRACE_GET_THREAD_AREA, t, uintptr(firstArea+i), uintptr(unsafe.Pointer(&area[0])))
	// One that is not set is of no size and not present (LDT_empty).
	unset := []byte{byte(firstArea + i), 12: 1<<3 | 1<<5, 15: 0}
	if err == unix.EIO || err == nil && bytes.Equal(area, unset) {
		return nil, nil
	}
	return area, err
}

// SetThreadArea sets one.
func (t Thread) SetThreadArea(i int, area []byte) error {
	return request(unix.PTRACE_SET_THREAD_AREA, t, uintptr(firstArea+i), uintptr(unsafe.Pointer(&area[0])))
}

// Rseq is a thread's registration of restartable sequences (rseq(2)); an
// Address of 0 means that there is none.
type Rseq struct {
	Address   uint64
	Size      uint32
	Signature uint32
	Flags     uint32
	_         uint32
}

// Rseq reads the registration (Linux 5.13).
func (t Thread) Rseq() (Rseq, error) {
	var r Rseq
	_, _, errno := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GET_RSEQ_CONFIGURATION, uintptr(t),
		unsafe.Sizeof(r), uintptr(unsafe.Pointer(&r)), 0, 0)
	if errno != 0 {
		return Rseq{}, errno
	}
	return r, nil
}

// RegisterSet reads a whole register set, such as unix.NT_PRSTATUS, of at
// most limit bytes.
func (t Thread) RegisterSet(set int, limit int) ([]byte, error) {
	b := make([]byte, limit)
	n, err := t.moveRegisterSet(unix.PTRACE_GETREGSET, set, b)
	return b[:n], err
}

// setRegisterSet writes one.
func (t Thread) setRegisterSet(set int, b []byte) error {
	_, err := t.moveRegisterSet(unix.PTRACE_SETREGSET, set, b)
	return err
}

func (t Thread) moveRegisterSet(req, set int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, unix.EINVAL
	}
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	if err := request(req, t, uintptr(set), uintptr(unsafe.Pointer(&v))); err != nil {
		return 0, err
	}
	return int(v.Len), nil
}

// request is for those that return nothing but success. Its callers convert
// their pointers in the call, which go:uintptrescapes makes safe.
//
//go:uintptrescapes
func request(req int, t Thread, addr, data uintptr) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(t), addr, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
