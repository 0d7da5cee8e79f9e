/* SPDX-License-Identifier: GPL-2.0 */
/* The two system calls, as a C library would declare them. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_snapshot_system
#define __NR_snapshot_system 548
#define __NR_resume_snapshot 549
#endif

typedef uint64_t u64;

static inline void *snapshot_system(u64 *size)
{
	return (void *)syscall(__NR_snapshot_system, size);
}

static inline int resume_snapshot(void *snapshot, u64 size)
{
	return syscall(__NR_resume_snapshot, snapshot, size);
}
