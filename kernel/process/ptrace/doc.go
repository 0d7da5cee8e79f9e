// Package ptrace is the tracing layer under snapshot and resume: threads of
// other processes, their stops, their registers and memory, and system calls
// made in their name.
//
// It fits ptrace(2) to what the two need and no more. Three rules of the
// kernel shape it:
//
//   - Only the OS thread that began a trace may make requests of it
//     (kernel/ptrace.c: ptrace_check_attach). [Tracer] is such a thread.
//   - A thread must be stopped for all requests but PTRACE_INTERRUPT, and
//     each stop is reported once, by wait4(2) with __WALL: [Thread.Wait].
//   - A tracer that dies detaches what it traced, which then runs on from
//     wherever it was put. [ExitKill] has it killed instead.
//
// Errors are bare [unix.Errno] values from the requests themselves; what was
// attempted, and on which program, is for the caller to say.
package ptrace
