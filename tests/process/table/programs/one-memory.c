/*
 * Processes that have one memory by clone(2), each on a stack of its own, with signal
 * actions of their own or one set of them. Whatever they say goes through that memory.
 */
#include "family.h"
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { MOST = 4 };
enum request { STACK, MAP, PEEK, ACTION, ACT, ID, IS_OPEN };

/* desk is where a member is asked for something. */
struct desk {
	volatile int asked, answered;
	enum request what;
	unsigned long argument;
	volatile long answer;
	pid_t pid;
};

static struct desk desks[MOST];
static char stacks[MOST][65536] __attribute__((aligned(16)));
static volatile int handled_by, other_handled, lock, busy;
static volatile long one, two;

static void await(volatile int *word, int value)
{
	while (*word == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &(struct timespec){1, 0}, NULL, 0);
}

static void wake(volatile int *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0); }

static void on_one(int signal) { handled_by = syscall(SYS_getpid); }
static void on_two(int signal) { other_handled = syscall(SYS_getpid); }

static void hold(void)
{
	while (__sync_lock_test_and_set(&lock, 1))
		sched_yield();
}

static long answer(struct desk *d, volatile long *own)
{
	struct sigaction action = {.sa_handler = on_two};

	switch (d->what) {
	case STACK:
		for (int i = 0; i < 64; i++)
			if (own[i] != (d - desks) * 1000 + i)
				return 0;
		return 1;
	case MAP:
		return (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	case PEEK:
		return *(volatile long *)d->argument;
	case ACTION:
		return sigaction(d->argument, NULL, &action) ? -1 : (long)action.sa_handler;
	case ACT:
		return sigaction(d->argument, &action, NULL);
	case ID:
		return syscall(SYS_getpid);
	case IS_OPEN:
		return fcntl(d->argument, F_GETFD) >= 0;
	}
	return -1;
}

static int serve(void *desk)
{
	struct desk *d = desk;
	volatile long own[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 64; i++)
		own[i] = (d - desks) * 1000 + i;
	for (;;) {
		while (busy && d->asked == d->answered) {
			hold();
			one++;
			two++;
			__sync_lock_release(&lock);
		}
		await(&d->asked, d->answered);
		d->answer = answer(d, own);
		d->answered = d->asked;
		wake(&d->answered);
	}
	return 0;
}

static long ask(int i, enum request what, unsigned long argument)
{
	struct desk *d = &desks[i];

	d->what = what;
	d->argument = argument;
	d->asked++;
	wake(&d->asked);
	for (int n = 0; d->answered != d->asked; n++) {
		CHECK(n < 120);
		await(&d->answered, d->asked - 1);
	}
	return d->answer;
}

static void member(int i, long flags)
{
	desks[i].pid = clone(serve, stacks[i + 1], flags, &desks[i]);
	CHECK(desks[i].pid > 0);
}

/* deputy makes another of the same, and serves. */
static int deputy(void *flags)
{
	member(2, (long)flags);
	return serve(&desks[1]);
}

/* with_thread makes a thread of itself, and serves. */
static int with_thread(void *none)
{
	member(2, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES);
	return serve(&desks[1]);
}

/* siblings have what their parent has not. */
static int siblings(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	desks[1].pid = clone(serve, stack + sizeof stack, CLONE_VM | CLONE_PARENT, &desks[1]);
	CHECK(desks[1].pid > 0);
	write_file("born", "");
	return serve(&desks[0]);
}

static void together(long flags, int members)
{
	int fd = dup2(0, 50), actions = flags & CLONE_SIGHAND, files = flags & CLONE_FILES;
	volatile long here = 77;

	for (int i = 1; i <= members; i++) {
		pid_t pid = i == 2 && !strcmp(variant, "threads") ? desks[1].pid : desks[i].pid;
		long *page = (long *)ask(i, MAP, 0);

		CHECK(page != MAP_FAILED);
		*page = 10 + i;
		for (int j = 1; j <= members; j++)
			EQUAL(ask(j, PEEK, (unsigned long)page), 10 + i);
		CHECK(!munmap(page, 4096));
		EQUAL(ask(i, STACK, 0), 1);
		EQUAL(ask(i, ID, 0), pid);
		EQUAL(ask(i, PEEK, (unsigned long)&here), 77);
		EQUAL(ask(i, ACTION, SIGUSR1), (long)on_one);
		EQUAL(ask(i, IS_OPEN, fd), files != 0);
		handled_by = 0;
		CHECK(!kill(pid, SIGUSR1));
		for (int n = 0; !handled_by; n++) {
			CHECK(n < 120000);
			pause_ms(1);
		}
		EQUAL(handled_by, pid);
		EQUAL(ask(i, ACTION, SIGUSR2), (long)on_two);
	}
	struct sigaction action;
	CHECK(!sigaction(SIGUSR2, NULL, &action));
	CHECK((action.sa_handler == on_two) == (actions != 0));
	signal(SIGWINCH, on_one); /* which the others see, or do not */
	for (int i = 1; i <= members; i++)
		EQUAL(ask(i, ACTION, SIGWINCH), actions ? (long)on_one : (long)SIG_DFL);
	signal(SIGWINCH, SIG_DFL);
	close(fd);
}

int main(void)
{
	long flags = CLONE_VM | SIGCHLD;
	int members = 2;

	signal(SIGUSR1, on_one);
	if (!strcmp(variant, "actions"))
		flags |= CLONE_SIGHAND;
	if (!strcmp(variant, "all"))
		flags |= CLONE_SIGHAND | CLONE_FILES | CLONE_FS;
	busy = !strcmp(variant, "busy");
	if (!strcmp(variant, "siblings")) {
		pid_t child = fork();

		if (!child)
			return siblings();
		CHECK(child > 0);
		while (access(path("born"), F_OK))
			pause_ms(1);
		ready();
		kill(child, SIGKILL);
		return passed();
	}
	if (!strcmp(variant, "threads"))
		desks[1].pid = clone(with_thread, stacks[2], flags, NULL);
	else
		desks[1].pid = clone(deputy, stacks[2], flags, (void *)flags);
	CHECK(desks[1].pid > 0);
	for (int i = 1; i <= members; i++)
		EQUAL(ask(i, ACT, SIGUSR2), 0);
	if (!strcmp(variant, "threads"))
		EQUAL(desks[2].pid > 0, 1);
	together(flags, members);
	ready();
	for (int n = 0; n < 50 && busy; n++) {
		hold();
		EQUAL(one, two);
		__sync_lock_release(&lock);
	}
	together(flags, members);
	return passed();
}
