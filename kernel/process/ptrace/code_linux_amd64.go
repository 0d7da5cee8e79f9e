// This file is the code that is mapped in a process for the calls that are made
// in its name. What the process forks has it too.
//
// It begins with the interpreter. Behind that come the name of a child, the
// splicer, and the berths of threads.

package ptrace

import "slices"

// interpreter goes through the list at rbx. It uses no stack: a thread's own
// may be a few bytes from its end, as with goroutines.
//
// Waiting is by pselect6(2), since that is restarted from its arguments. All
// others with a timeout (futex, nanosleep, poll) use the one restart block
// that a thread has (include/linux/restart_block.h), and the program's own
// interrupted sleep may be in it.
var interpreter = []byte{
	// next:
	0x48, 0x8b, 0x03, //       mov  rax, [rbx]       number of the call
	0x48, 0x85, 0xc0, //       test rax, rax
	0x78, 0x2e, //             js   done             negative: the end
	0x48, 0x8b, 0x7b, 0x08, // mov  rdi, [rbx+8]
	0x48, 0x8b, 0x73, 0x10, // mov  rsi, [rbx+16]
	0x48, 0x8b, 0x53, 0x18, // mov  rdx, [rbx+24]
	0x4c, 0x8b, 0x53, 0x20, // mov  r10, [rbx+32]
	0x4c, 0x8b, 0x43, 0x28, // mov  r8, [rbx+40]
	0x4c, 0x8b, 0x4b, 0x30, // mov  r9, [rbx+48]
	0x0f, 0x05, //             syscall
	0x48, 0x85, 0xc0, //       test rax, rax
	0x75, 0x06, //             jnz  store
	0x48, 0x83, 0x3b, 0x38, // cmp  qword [rbx], 56  clone(2) returned 0:
	0x74, 0x2e, //             je   die              this is the child
	// store:
	0x48, 0x89, 0x03, //       mov  [rbx], rax
	0x48, 0x83, 0xc3, 0x38, // add  rbx, 56
	0xeb, 0xca, //             jmp  next
	// done:
	0xf0, 0x41, 0xff, 0x04, 0x24, // lock inc dword [r12]
	0xb8, 0x0e, 0x01, 0x00, 0x00, // mov  eax, 270   pselect6
	0x31, 0xff, //                   xor  edi, edi
	0x31, 0xf6, //                   xor  esi, esi
	0x31, 0xd2, //                   xor  edx, edx
	0x45, 0x31, 0xd2, //             xor  r10d, r10d
	0x4d, 0x89, 0xe8, //             mov  r8, r13
	0x45, 0x31, 0xc9, //             xor  r9d, r9d
	0x0f, 0x05, //                   syscall
	// home:
	0x4c, 0x89, 0xf4, //             mov  rsp, r14
	0xb8, 0x0f, 0x00, 0x00, 0x00, // mov  eax, 15    rt_sigreturn
	// call:
	0x0f, 0x05, //                   syscall
	// die:
	0xb8, 0x9d, 0x00, 0x00, 0x00, //             mov eax, 157  prctl
	0xbf, 0x0f, 0x00, 0x00, 0x00, //             mov edi, 15   PR_SET_NAME
	0x48, 0x8d, 0x35, 0x0d, 0x00, 0x00, 0x00, // lea rsi, [name]
	0x0f, 0x05, //                               syscall
	// again:
	0xb8, 0xe7, 0x00, 0x00, 0x00, //             mov eax, 231  exit_group
	0x31, 0xff, //                               xor edi, edi
	0x0f, 0x05, //                               syscall
	0xeb, 0xf5, //                               jmp again
	// name:
}

// ChildName is what a process calls itself that comes to its end by itself: one
// that the interpreter has created, and whose tracer is dead. ps(1) shows it, and
// somebody has to put away what is left of it.
const ChildName = "snapcat-twin"

// text is all of the code but for the berths.
var text = slices.Concat(interpreter, []byte(ChildName+"\x00"), splicer)

const (
	doneOffset     = 54
	homewardOffset = 81
	callOffset     = 89
)

// homeward is where a thread of which r14 leads to its frame restores itself.
func (a Area) homeward() uint64 { return a.Code + homewardOffset }

// Site is an instruction by which a child can be made to call; if its tracer dies
// it comes to its end behind that.
func (a Area) Site() uint64 { return a.Code + callOffset }

// Name is the address of [ChildName].
func (a Area) Name() uint64 { return a.Code + uint64(len(interpreter)) }

// Splicer is the address of code for [Caller.Splice].
func (a Area) Splicer() uint64 { return a.Code + uint64(len(text)-len(splicer)) }

// splicer goes through a list of struct iovec at rbx, up to one that is empty,
// with vmsplice(2) into the pipe r12. It keeps the list up to date, and ends in a
// breakpoint: the SIGTRAP of that stops a traced thread, and here it is one that
// has no use for its signals any more.
var splicer = []byte{
	// again:
	0xb8, 0x16, 0x01, 0x00, 0x00, // mov eax, 278  vmsplice
	0x4c, 0x89, 0xe7, //             mov rdi, r12
	0x48, 0x89, 0xde, //             mov rsi, rbx
	0xba, 0x01, 0x00, 0x00, 0x00, // mov edx, 1
	0x45, 0x31, 0xd2, //             xor r10d, r10d
	0x0f, 0x05, //                   syscall
	0x48, 0x85, 0xc0, //             test rax, rax
	0x7e, 0x14, //                   jle end
	0x48, 0x01, 0x03, //             add [rbx], rax
	0x48, 0x29, 0x43, 0x08, //       sub [rbx+8], rax
	0x75, 0xdd, //                   jnz again
	0x48, 0x83, 0xc3, 0x10, //       add rbx, 16
	0x48, 0x83, 0x7b, 0x08, 0x00, // cmp qword [rbx+8], 0
	0x75, 0xd2, //                   jne again
	// end:
	0xcc, // int3
}
