#include "textflag.h"

// See entry_linux_amd64.s. The runtime's is a jump to _rt0_arm64.

#define SYS_fcntl 25
#define F_GETFD 1

TEXT _rt0_arm64_linux(SB),NOSPLIT|DUPOK,$0
	MOVD	$2, R9
descriptor:
	MOVD	R9, R0
	MOVD	$F_GETFD, R1
	MOVD	$SYS_fcntl, R8
	SVC
	TBZ	$63, R0, open
	MOVD	$1, R10
	LSL	R9, R10
	MOVWU	·closed(SB), R11
	ORR	R10, R11
	MOVW	R11, ·closed(SB)
open:
	SUB	$1, R9
	TBZ	$63, R9, descriptor
	B	_rt0_arm64(SB)
