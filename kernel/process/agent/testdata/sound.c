// Programs that see for themselves that they are as they should be, and abort when
// they are not: sound THREADS CHILDREN [busy|idle|memory [MIB]]. The first process answers each byte of
// its input with the same, once it has looked at all of its memory; otherwise it waits
// for the next, or computes if it is busy. Its threads compute or wait, its children
// are like it but for the input, or have its memory and no threads. A timer interrupts everybody all the time, on the
// stack that he has then.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int size = 64 << 10;
static unsigned char *memory;
static __thread char *stack; // a place in it
static int *ready;	     // threads, of all processes

// The children that have the memory of the first, and so what it has of a thread.
static struct {
	int pid;
	char *place;
	char room[256 << 10] __attribute__((aligned(16)));
} beside[4];

static void check(int sound) {
	if (!sound)
		abort();
}

// A handler needs stack, and finds its own.
static void on_alarm(int sig) {
	volatile char some[4096];
	memset((void *)some, 'h', sizeof some);
	char *place = stack;
	for (int i = 0, pid = syscall(SYS_getpid); i < 4; i++)
		if (beside[i].pid == pid)
			place = beside[i].place;
	check(place == NULL || labs(place - (char *)some) < 1 << 20);
}

// Values that live in registers of all kinds while nothing is called.
static void compute(void) {
	uint64_t n = 100000, sum = 0, mark = 0x0123456789abcdef, out;
	asm volatile("movq %[mark], %%xmm15\n\t"
		     "movq %%xmm15, %%r11\n\t"
		     "mov %%r11, %%r9\n\t"
		     "mov %%r9, %%rcx\n\t"
		     "1: add %%rcx, %[sum]\n\t"
		     "cmp %%rcx, %%r9\n\t"
		     "jne 2f\n\t"
		     "dec %[n]\n\t"
		     "jnz 1b\n\t"
		     "movq %%xmm15, %[out]\n\t"
		     "2:\n\t"
		     : [n] "+r"(n), [sum] "+r"(sum), [out] "=r"(out)
		     : [mark] "r"(mark)
		     : "rcx", "r9", "r11", "xmm15", "cc");
	check(n == 0 && out == mark && sum == mark * 100000);
}

// What a thread blocks is its number.
static void block(int number) {
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < 8; i++)
		if (number >> i & 1)
			sigaddset(&set, SIGRTMIN + i);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void check_blocked(int number) {
	sigset_t set;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	for (int i = 0; i < 8; i++)
		check(sigismember(&set, SIGRTMIN + i) == (number >> i & 1));
	check(!sigismember(&set, SIGALRM));
}

static void look(void) {
	for (int i = 0; i < size; i++)
		check(memory[i] == (unsigned char)(i * 7));
}

static void *thread(void *arg) {
	int number = (long)arg;
	char here;
	stack = &here;
	block(number);
	__sync_fetch_and_add(ready, 1);
	for (;;) {
		struct timespec t = {0, 2000000};
		if (number & 1)
			for (int i = 0; i < 5; i++)
				compute();
		else
			check(nanosleep(&t, NULL) == 0 || errno == EINTR);
		check_blocked(number);
		usleep(500);
	}
}

static void begin(int threads) {
	struct itimerval every = {{0, 7000}, {0, 7000}};
	pthread_t t;
	for (long i = 0; i < threads; i++)
		pthread_create(&t, NULL, thread, (void *)(i + 1));
	setitimer(ITIMER_REAL, &every, NULL);
}

static int live_beside(void *arg) {
	char here;
	int i = (long)arg;
	beside[i].place = &here;
	beside[i].pid = syscall(SYS_getpid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin(0);
	for (;;) {
		pause();
		look();
	}
	return 0;
}

int main(int argc, char **argv) {
	int threads = atoi(argv[1]), children = atoi(argv[2]), busy = argc > 3 && strcmp(argv[3], "busy") == 0;
	int one_memory = argc > 3 && strcmp(argv[3], "memory") == 0;
	char here;
	close_range(3, ~0u, 0);
	if (argc > 4)
		size = atoi(argv[4]) << 20;
	struct sigaction a = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	sigaction(SIGALRM, &a, NULL);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < size; i++)
		memory[i] = i * 7;
	stack = &here;
	ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (long i = 0; i < children; i++)
		if (one_memory) {
			__sync_fetch_and_add(ready, threads);
			check(clone(live_beside, beside[i].room + sizeof beside[i].room, CLONE_VM | SIGCHLD, (void *)i) > 0);
		} else if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			begin(threads);
			for (;;) {
				pause();
				look();
			}
		}
	block(77);
	begin(threads);
	while (__sync_fetch_and_add(ready, 0) < threads * (children + 1))
		usleep(1000);
	for (;;) {
		char c;
		struct pollfd p = {0, POLLIN};
		if (busy && poll(&p, 1, 0) <= 0) {
			compute();
			continue;
		}
		if (read(0, &c, 1) != 1)
			return 0;
		look();
		check_blocked(77);
		check(waitpid(-1, NULL, WNOHANG) == (children ? 0 : -1)); // none of its own has died
		check(write(1, &c, 1) == 1);
	}
}
