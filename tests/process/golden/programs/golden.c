/*
 * What is in the golden images: two processes, a third that has ended, a fourth that has
 * descriptors and the working directory of the first, a fifth that has its memory and signal
 * actions, and what else they share. There is no library in it, and no call into the vdso, so that any kernel of this
 * architecture runs it, and an image of it is small.
 *
 * It waits for its input to end, and says on its output whether all is as it was.
 */
#include <linux/eventpoll.h>
#include <linux/mman.h>
#include <sys/syscall.h>

#define SIGKILL 9
#define SIGCHLD 17
#define CLONE_VM 0x100
#define CLONE_SIGHAND 0x800
#define CLONE_FS 0x200
#define CLONE_FILES 0x400
#define AF_UNIX 1
#define SOCK_DGRAM 2
#define PR_SET_PDEATHSIG 1

static long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define call(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static void say(const char *text)
{
	long size = 0;

	while (text[size])
		size++;
	call(SYS_write, 1, text, size, 0);
}

static _Noreturn void end(int status)
{
	for (;;)
		call(SYS_exit_group, status, 0, 0, 0);
}

#define CHECK(condition)                             \
	do {                                         \
		if (!(condition)) {                  \
			say("not so: " #condition "\n"); \
			end(1);                      \
		}                                    \
	} while (0)

struct shared {
	volatile long numbers[512];
};

static long pattern(long i) { return (i + 1) * 0x9e3779b97f4a7c15; }

static struct shared *common;
static struct shared own[2]; /* of which the second is never touched */
static int tube[2], pair[2], counter, set;

static void prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data = 0x600d};

	common = (void *)call6(SYS_mmap, 0, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK((long)common > 0);
	for (long i = 0; i < 512; i++) {
		common->numbers[i] = pattern(i);
		own[0].numbers[i] = ~pattern(i);
	}
	CHECK(call(SYS_pipe2, tube, 0, 0, 0) == 0);
	CHECK(call(SYS_write, tube[1], "pipe", 4, 0) == 4);
	CHECK(call(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	CHECK(call(SYS_write, pair[0], "one", 3, 0) == 3);
	CHECK(call(SYS_write, pair[0], "another", 7, 0) == 7);
	CHECK((counter = call(SYS_eventfd2, 7, O_NONBLOCK, 0, 0)) > 0);
	CHECK((set = call(SYS_epoll_create1, 0, 0, 0, 0)) > 0);
	CHECK(call(SYS_epoll_ctl, set, EPOLL_CTL_ADD, counter, &event) == 0);
}

static void memory_is_as_it_was(void)
{
	for (long i = 0; i < 512; i++) {
		CHECK(common->numbers[i] == pattern(i));
		CHECK(own[0].numbers[i] == ~pattern(i));
		CHECK(own[1].numbers[i] == 0);
	}
}

static void objects_are_as_they_were(void)
{
	struct epoll_event event;
	char text[16];
	long count;

	CHECK(call(SYS_epoll_wait, set, &event, 1, 0) == 1 && event.data == 0x600d);
	CHECK(call(SYS_read, counter, &count, 8, 0) == 8 && count == 7);
	CHECK(call(SYS_read, pair[1], text, sizeof text, 0) == 3 && text[0] == 'o');
	CHECK(call(SYS_read, pair[1], text, sizeof text, 0) == 7 && text[0] == 'a');
	CHECK(call(SYS_read, tube[0], text, 4, 0) == 4 && text[0] == 'p' && text[3] == 'e');
}

/* The child waits for a byte behind what is in the pipe of the parent's. */
static _Noreturn void child(int from)
{
	char byte;

	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	CHECK(call(SYS_read, from, &byte, 1, 0) == 1 && byte == '!');
	memory_is_as_it_was();
	common->numbers[0] = 1;
	end(7);
}

static volatile long done_beside;
static int from_first;
static long stack_beside[512] __attribute__((aligned(16)));

/* On a stack of its own, it tells by the memory of the first that it goes on. */
static _Noreturn void beside(void)
{
	char byte;

	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	CHECK(call(SYS_read, from_first, &byte, 1, 0) == 1 && byte == '+');
	done_beside = 4711;
	end(6);
}

static long clone_beside(void)
{
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "call *%[run]\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(CLONE_VM | CLONE_SIGHAND | SIGCHLD), "S"(stack_beside + 512), [run] "r"(beside), "d"(0L)
			 : "rcx", "r10", "r11", "memory");
	return result;
}

/* The twin of the first in all but its memory does for that what it can see. */
static _Noreturn void other(int from)
{
	char byte;

	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	CHECK(call(SYS_read, from, &byte, 1, 0) == 1 && byte == '?');
	CHECK(call(SYS_chdir, "/proc", 0, 0, 0) == 0);
	CHECK(call(SYS_umask, 0123, 0, 0, 0) == 0);
	CHECK(call(SYS_dup2, from, 77, 0, 0) == 77);
	end(5);
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	long ended, waits, shares, near;
	int to[2], with[2], by[2], status = 0;
	char byte, where[16];

	prepare();
	CHECK(call(SYS_pipe2, to, 0, 0, 0) == 0);
	CHECK(call(SYS_pipe2, with, 0, 0, 0) == 0);
	call(SYS_umask, 0, 0, 0, 0);
	CHECK((ended = call(SYS_clone, SIGCHLD, 0, 0, 0)) >= 0);
	if (!ended)
		end(3);
	CHECK((waits = call(SYS_clone, SIGCHLD, 0, 0, 0)) >= 0);
	if (!waits)
		child(to[0]);
	CHECK((shares = call(SYS_clone, CLONE_FS | CLONE_FILES | SIGCHLD, 0, 0, 0)) >= 0);
	if (!shares)
		other(with[0]);
	CHECK(call(SYS_pipe2, by, 0, 0, 0) == 0);
	from_first = by[0];
	CHECK((near = clone_beside()) > 0);
	say("ready\n");
	CHECK(call(SYS_read, 0, &byte, 1, 0) == 0);

	memory_is_as_it_was();
	objects_are_as_they_were();
	CHECK(call(SYS_wait4, ended, &status, 0, 0) == ended && status == 3 << 8);
	CHECK(call(SYS_write, to[1], "!", 1, 0) == 1);
	CHECK(call(SYS_wait4, waits, &status, 0, 0) == waits && status == 7 << 8);
	CHECK(common->numbers[0] == 1);
	CHECK(call(SYS_write, by[1], "+", 1, 0) == 1);
	CHECK(call(SYS_wait4, near, &status, 0, 0) == near && status == 6 << 8);
	CHECK(done_beside == 4711);
	CHECK(call(SYS_fcntl, 77, 1 /* F_GETFD */, 0, 0) < 0);
	CHECK(call(SYS_write, with[1], "?", 1, 0) == 1);
	CHECK(call(SYS_wait4, shares, &status, 0, 0) == shares && status == 5 << 8);
	CHECK(call(SYS_umask, 0, 0, 0, 0) == 0123);
	CHECK(call(SYS_getcwd, where, sizeof where, 0, 0) == 6 && where[1] == 'p');
	CHECK(call(SYS_fcntl, 77, 1 /* F_GETFD */, 0, 0) == 0);
	say("all is as it was\n");
	end(0);
}
