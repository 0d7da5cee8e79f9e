#include "textflag.h"

// Where the kernel starts the program. The linker takes the longer one of two
// functions of a name if the later one says DUPOK, and the earlier one if that
// says so (cmd/link/internal/loader); the runtime's, in rt0_linux_amd64.s, is
// no more than a jump to _rt0_amd64. Should that ever change, what tests/cli
// has on closed descriptors fails, and nothing else.
//
// There is no Go yet, and no stack but the kernel's: argc, argv[0], ... System
// calls change AX, CX and R11.

#define SYS_fcntl 72
#define F_GETFD 1

TEXT _rt0_amd64_linux(SB),NOSPLIT|DUPOK,$-8
	MOVL	$2, BX
descriptor:
	MOVL	BX, DI
	MOVL	$F_GETFD, SI
	MOVL	$SYS_fcntl, AX
	SYSCALL
	TESTQ	AX, AX
	JGE	open
	BTSL	BX, ·closed(SB)
open:
	DECL	BX
	JGE	descriptor
	JMP	_rt0_amd64(SB)
