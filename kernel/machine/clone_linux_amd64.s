// The child that makes the image starts here: see clone in fork_linux_amd64.go.

#include "textflag.h"

// func cloneTake(flags uintptr, stack unsafe.Pointer) (r uintptr)
//
// The child begins with nothing but its stack, on which the argument of
// takeAndExit lies already. It does not return: what it would return to is on
// the stack of its parent.
TEXT ·cloneTake(SB), NOSPLIT, $0-24
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $56, AX // SYS_clone
	SYSCALL
	TESTQ AX, AX
	JZ child
	MOVQ AX, r+16(FP)
	RET
child:
	CALL ·takeAndExit(SB)
	INT $3
