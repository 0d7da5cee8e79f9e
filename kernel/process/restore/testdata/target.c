// A program with something of everything that a resume goes through: threads,
// a pipe with content, an epoll set, a unix socket at a path, a file, shared
// memory, timers, a signal that is pending. Once per tick it checks all of it
// and appends a line to the file.
//
//	target FILE SOCKET
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) do { if (!(x)) { dprintf(file, "failed: %s (errno %d)\n", #x, errno); _exit(9); } } while (0)

static int file;
static volatile int stop;
static __thread int mine;

static void on_usr1(int sig) { stop = 1; }

static void *work(void *arg)
{
	mine = (long)arg;
	for (;;) {
		CHECK(mine == (long)arg);
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	int pipes[2], ev, ep;
	char buf[16];
	sigset_t set, pending;

	close_range(3, ~0u, 0); // what the test was started with
	file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);
	CHECK(file >= 0);
	signal(SIGUSR1, on_usr1);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK(sigprocmask(SIG_BLOCK, &set, 0) == 0);
	CHECK(raise(SIGUSR2) == 0);

	CHECK(pipe(pipes) == 0 && write(pipes[1], "content", 7) == 7);
	ev = eventfd(5, EFD_SEMAPHORE);
	ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0x123456789abcdefull};
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) == 0);

	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	strncpy(addr.sun_path, argv[2], sizeof addr.sun_path - 1);
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(sock, (void *)&addr, sizeof addr) == 0 && listen(sock, 5) == 0);

	char *shared = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(shared, "shared");
	struct itimerval it = {{1000, 0}, {1000, 0}};
	CHECK(setitimer(ITIMER_REAL, &it, 0) == 0);
	timer_t timer;
	struct sigevent se = {.sigev_notify = SIGEV_NONE};
	CHECK(timer_create(CLOCK_MONOTONIC, &se, &timer) == 0);

	pthread_t t;
	for (long i = 1; i <= 3; i++)
		CHECK(pthread_create(&t, 0, work, (void *)i) == 0);

	for (int i = 0; !stop; i++) {
		struct epoll_event got;
		CHECK(epoll_wait(ep, &got, 1, 0) == 1 && got.data.u64 == e.data.u64);
		CHECK(strcmp(shared, "shared") == 0);
		CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2));
		CHECK(getitimer(ITIMER_REAL, &it) == 0 && it.it_value.tv_sec > 900);
		struct itimerspec its;
		CHECK(timer_gettime(timer, &its) == 0);
		dprintf(file, "%d %d\n", i, getpid());
		usleep(10000);
	}
	CHECK(read(pipes[0], buf, sizeof buf) == 7 && memcmp(buf, "content", 7) == 0);
	dprintf(file, "end\n");
	return 42;
}
