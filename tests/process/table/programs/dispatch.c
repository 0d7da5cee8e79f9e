/*
 * Syscall User Dispatch: system calls of foreign code are signals to the program
 * that runs it. The variant says how that is told from native code, and which
 * thread has it.
 */
#include "stage.h"
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
enum { OFF, EXCLUSIVE, INCLUSIVE, USER_DISPATCH = 2, FOREIGN = 123456 };

static volatile char selector; /* 0 allows, 1 dispatches */
static volatile int dispatched, made, go;
static long (*foreign)(long number);

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	selector = 0;
	if (info->si_code == USER_DISPATCH && info->si_syscall == FOREIGN)
		dispatched++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 7 * dispatched;
}

/* foreign_calls makes some, which nothing but a handler answers. */
static void foreign_calls(char select)
{
	for (int i = 0; i < 3; i++) {
		int before = dispatched;
		long got;

		selector = select;
		got = foreign(FOREIGN);
		selector = 0;
		EQUAL(dispatched, before + 1);
		EQUAL(got, 7 * dispatched);
	}
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *range)
{
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

static void arm(void)
{
	uintptr_t libc[2];
	int refused;

	if (!strcmp(variant, "range")) {
		CHECK(dl_iterate_phdr(find_libc, libc));
		refused = prctl(PR_SET_SYSCALL_USER_DISPATCH, EXCLUSIVE, libc[0], libc[1], 0);
	} else if (!strcmp(variant, "inclusive")) {
		refused = prctl(PR_SET_SYSCALL_USER_DISPATCH, INCLUSIVE, foreign, 4096, 0);
	} else {
		refused = prctl(PR_SET_SYSCALL_USER_DISPATCH, EXCLUSIVE, 0, 0, &selector);
	}
	if (refused)
		unable("this kernel has no such Syscall User Dispatch");
}

/* play waits in foreign code, without a call, or asleep in a native one. */
static void play(void)
{
	char select = !!strcmp(variant, "range") && !!strcmp(variant, "inclusive");

	arm();
	foreign_calls(select);
	if (strcmp(variant, "asleep")) {
		say_ready();
		selector = select;
		while (!go)
			;
		selector = 0;
	} else {
		ready();
	}
	foreign_calls(select);
}

static void *thread(void *unused)
{
	while (!made)
		;
	if (!strcmp(variant, "thread")) {
		play();
	} else {
		await_go();
		go = 1;
	}
	return NULL;
}

int main(void)
{
	/* mov %rdi,%rax; syscall; ret */
	static const unsigned char code[] = {0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3};
	struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	pthread_t other;

	foreign = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(foreign != MAP_FAILED);
	memcpy(foreign, code, sizeof code);
	CHECK(!sigaction(SIGSYS, &action, NULL));
	if (!strcmp(variant, "asleep")) {
		play();
		return passed();
	}
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	made = 1;
	if (strcmp(variant, "thread")) {
		play();
	} else {
		while (access(path("go"), F_OK))
			pause_ms(2);
		go = 1;
	}
	CHECK(!pthread_join(other, NULL));
	return passed();
}
