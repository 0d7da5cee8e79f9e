// A program that notices if it is disturbed. Its threads wait in every way
// that a stop could end, count, and compute; every 10 ms it prints a line:
// how often, how many disturbances, and what the last one was.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int disturbances;
static const char *volatile last = "none";

static void disturbed(const char *what) {
	__sync_fetch_and_add(&disturbances, 1);
	last = what;
}

static void on_sigchld(int sig) { disturbed("SIGCHLD"); }

static void *wait_epoll(void *ep) {
	struct epoll_event e;
	for (;;)
		if (epoll_wait((long)ep, &e, 1, 50) != 0)
			disturbed("epoll_wait");
}

static void *wait_poll(void *arg) {
	for (;;)
		if (poll(NULL, 0, 70) != 0)
			disturbed("poll");
}

static void *wait_sleep(void *arg) {
	for (;;) {
		struct timespec t = {0, 30000000};
		if (nanosleep(&t, NULL) != 0)
			disturbed("nanosleep");
	}
}

static void *wait_signal(void *arg) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		struct timespec t = {0, 40000000};
		if (sigtimedwait(&set, NULL, &t) != -1 || errno != EAGAIN)
			disturbed("sigtimedwait");
	}
}

static void *wait_pause(void *arg) {
	pause();
	disturbed("pause");
	return NULL;
}

// Values that live in registers of all kinds while nothing is called.
static void *compute(void *arg) {
	for (;;) {
		uint64_t n = 3000000, sum = 0, mark = 0x0123456789abcdef, out;
		double d = 1.5, e;
		asm volatile("movq %[mark], %%xmm15\n\t"
			     "movq %%xmm15, %%r11\n\t"
			     "1: add %%r11, %[sum]\n\t"
			     "dec %[n]\n\t"
			     "jnz 1b\n\t"
			     "movq %%xmm15, %[out]\n\t"
			     : [n] "+r"(n), [sum] "+r"(sum), [out] "=r"(out)
			     : [mark] "r"(mark)
			     : "r11", "xmm15", "cc");
		if (out != mark || sum != mark * 3000000)
			disturbed("registers");
		e = d;
		for (int i = 0; i < 1000; i++)
			e = e * 1.0000001;
		if (e < 1.5001 || e > 1.5002)
			disturbed("floating point");
	}
}

int main(int argc, char **argv) {
	int idle = argc > 1 ? atoi(argv[1]) : 0;
	size_t mib = argc > 2 ? atoi(argv[2]) : 1;
	// What the shell of whoever runs this has open is not of interest here.
	close_range(3, ~0u, 0);
	signal(SIGCHLD, on_sigchld);
	char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(memory, 'm', mib << 20);
	void *(*work[])(void *) = {wait_epoll, wait_poll, wait_sleep, wait_signal, wait_pause, compute};
	// Here, for a thread may begin later than the first line is read.
	int ep = epoll_create1(0), ev = eventfd(0, 0);
	struct epoll_event e = {.events = EPOLLIN};
	epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e);
	pthread_t t;
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 64 << 10);
	for (size_t i = 0; i < sizeof work / sizeof *work; i++)
		pthread_create(&t, &a, work[i], (void *)(long)ep);
	for (int i = 0; i < idle; i++)
		pthread_create(&t, &a, wait_pause, NULL);
	for (long beat = 1;; beat++) {
		struct timespec ts = {0, 10000000};
		if (nanosleep(&ts, NULL) != 0)
			disturbed("nanosleep of main");
		// 0 is a twin that is still in use.
		if (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			disturbed("a child");
		char line[100];
		int n = snprintf(line, sizeof line, "%ld %d %s\n", beat, disturbances, last);
		if (write(1, line, n) != n)
			return 1;
	}
}
