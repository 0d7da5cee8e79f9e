#include "textflag.h"

// func cloneSharing(stack unsafe.Pointer, j *job) (pid int)
//
// The child shares the memory of its parent, which the kernel holds up until
// the child is gone: CLONE_VM|CLONE_VFORK|SIGCHLD, clone(2). It has a stack of
// its own, so that neither returns into what the other has changed.
TEXT ·cloneSharing(SB),NOSPLIT,$0-24
	MOVQ	$0x4111, DI
	MOVQ	stack+0(FP), SI
	MOVQ	j+8(FP), R12	// which the kernel keeps
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$56, AX		// SYS_clone
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	MOVQ	AX, pid+16(FP)
	RET
child:
	MOVQ	R12, 0(SP)
	CALL	·takeAndExit(SB)
	INT	$3
