// A program that notices if it is disturbed, as steady.c does. Its threads make
// foreign system calls all the time, which Syscall User Dispatch turns into
// signals: told from native ones by a selector, by a range, or by both. Every
// 10 ms it prints a line: how often, how many disturbances, the last one.
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PR_SET_SYSCALL_USER_DISPATCH 59
enum { FOREIGN = 123456, ON = 1, SYS_USER_DISPATCH = 2 };

static volatile int disturbances;
static const char *volatile last = "none";
static __thread volatile char selector;
static __thread volatile long dispatched;
static long (*foreign)(long, long, long, long, long, long);

static void disturbed(const char *what) {
	__sync_fetch_and_add(&disturbances, 1);
	last = what;
}

static void on_sigsys(int sig, siginfo_t *info, void *context) {
	selector = 0;
	if (info->si_code != SYS_USER_DISPATCH || info->si_syscall != FOREIGN)
		disturbed("another SIGSYS");
	dispatched++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = dispatched;
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *range) {
	uintptr_t *r = range, end = 0;
	if (!strstr(info->dlpi_name, "libc.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
	r[0] = info->dlpi_addr;
	r[1] = end;
	return 1;
}

// Half of the threads are found in foreign code most of the time, and half in
// native one.
static void *run(void *arg) {
	long kind = (long)arg;
	uintptr_t libc[2];
	dl_iterate_phdr(find_libc, libc);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, ON, kind & 1 ? libc[0] : 0, kind & 1 ? libc[1] : 0, kind & 2 ? &selector : 0) != 0)
		disturbed("prctl");
	for (long n = 1;; n++) {
		selector = 1;
		for (volatile int i = 0; i < 20000; i++)
			;
		if (foreign(FOREIGN, 1, 2, 3, 4, 5) != n || dispatched != n)
			disturbed("a foreign call that was made");
		selector = 0;
		if (kind & 4)
			usleep(1000);
	}
}

int main(void) {
	// mov %rdi,%rax; syscall; ret
	static const unsigned char code[] = {0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3};
	close_range(3, ~0u, 0);
	struct sigaction a = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	sigaction(SIGSYS, &a, NULL);
	foreign = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(foreign, code, sizeof code);
	pthread_t t;
	for (long kind = 1; kind < 8; kind++)
		if (kind != 4)
			pthread_create(&t, NULL, run, (void *)kind);
	// This thread's native calls are those of libc.
	uintptr_t libc[2];
	dl_iterate_phdr(find_libc, libc);
	prctl(PR_SET_SYSCALL_USER_DISPATCH, ON, libc[0], libc[1], &selector);
	for (long beat = 1;; beat++) {
		selector = 1;
		if (foreign(FOREIGN, 1, 2, 3, 4, 5) != beat || dispatched != beat)
			disturbed("a foreign call of main that was made");
		struct timespec ts = {0, 10000000};
		nanosleep(&ts, NULL);
		char line[100];
		int n = snprintf(line, sizeof line, "%ld %d %s\n", beat, disturbances, last);
		if (write(1, line, n) != n)
			return 1;
	}
}
