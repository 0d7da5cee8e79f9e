/*
 * A thread that is in a blocking system call all the while; the variant says
 * which. It ends as it would have: no EINTR, no short wait for what is awaited
 * with a limit, no lost data.
 */
#include "stage.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { LIMIT_MS = 900 }; /* of those calls that end by themselves */

static int pipes[2], pair[2], event, set, word, listener, semaphores = -1;
static pthread_t thread;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static sigset_t awaited;

static void wake_pipe(void) { EQUAL(write(pipes[1], "x", 1), 1); }
static void wake_socket(void) { EQUAL(write(pair[1], "x", 1), 1); }
static void wake_event(void) { EQUAL(write(event, &(uint64_t){1}, 8), 8); }
static void wake_signal(void) { pthread_kill(thread, SIGRTMIN + 7); }
static void wake_accept(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(!connect(fd, (void *)&address, sizeof address));
}
static void wake_futex(void)
{
	word = 1;
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static void wake_semaphore(void)
{
	struct sembuf up = {0, 1, 0};

	CHECK(!semop(semaphores, &up, 1));
}
static void nobody(void) {}

static volatile int handled;
static void on_signal(int signal) { handled++; }

/* outlast sees that a call with a limit did not end before it. */
static void outlast(int64_t begun)
{
	CHECK(now(CLOCK_MONOTONIC) - begun >= LIMIT_MS * 1000000LL - 5000000);
}

static struct timespec limit(void) { return (struct timespec){0, LIMIT_MS * 1000000L}; }

static void in_nanosleep(void)
{
	struct timespec t = limit(), left;
	int64_t begun = now(CLOCK_MONOTONIC);

	EQUAL(nanosleep(&t, &left), 0);
	outlast(begun);
}
static void in_sleep_until(void)
{
	int64_t begun = now(CLOCK_MONOTONIC), end = begun + LIMIT_MS * 1000000LL;
	struct timespec t = {end / 1000000000, end % 1000000000};

	EQUAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	outlast(begun);
}
static void in_poll(void)
{
	struct pollfd p = {event, POLLIN, 0};

	EQUAL(poll(&p, 1, -1), 1);
}
static void in_poll_limit(void)
{
	struct pollfd p = {event, POLLIN, 0};
	int64_t begun = now(CLOCK_MONOTONIC);

	EQUAL(poll(&p, 1, LIMIT_MS), 0);
	outlast(begun);
}
static void in_ppoll(void)
{
	struct pollfd p = {event, POLLIN, 0};
	sigset_t none;

	sigemptyset(&none);
	EQUAL(ppoll(&p, 1, NULL, &none), 1);
}
static void in_select(void)
{
	fd_set s;

	FD_ZERO(&s);
	FD_SET(event, &s);
	EQUAL(select(event + 1, &s, NULL, NULL, NULL), 1);
}
static void in_epoll_wait(void)
{
	struct epoll_event e;

	EQUAL(epoll_wait(set, &e, 1, -1), 1);
}
static void in_epoll_limit(void)
{
	struct epoll_event e;
	int64_t begun = now(CLOCK_MONOTONIC);

	EQUAL(epoll_wait(set, &e, 1, LIMIT_MS), 0);
	outlast(begun);
}
static void in_epoll_pwait(void)
{
	struct epoll_event e;
	sigset_t most;

	sigfillset(&most);
	EQUAL(epoll_pwait(set, &e, 1, -1, &most), 1);
}
static void in_futex(void)
{
	while (!*(volatile int *)&word)
		EQUAL(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
}
static void in_futex_limit(void)
{
	struct timespec t = limit();
	int64_t begun = now(CLOCK_MONOTONIC);

	EQUAL(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0), -1);
	outlast(begun);
}
static void in_read_pipe(void)
{
	char b;

	EQUAL(read(pipes[0], &b, 1), 1);
}
static void in_write_pipe(void)
{
	static char much[200000];

	/* As SIGSTOP does, a snapshot may cut it short (pipe(7)). */
	for (ssize_t n = 0, w; n < (ssize_t)sizeof much; n += w)
		CHECK((w = write(pipes[1], much, sizeof much - n)) > 0);
}
static void drain_pipe(void)
{
	static char b[200000];

	for (ssize_t n = 0, r; n < (ssize_t)sizeof b; n += r)
		CHECK((r = read(pipes[0], b, sizeof b - n)) > 0);
}
static void in_recv(void)
{
	char b;

	EQUAL(recv(pair[0], &b, 1, 0), 1);
}
static void in_recv_limit(void)
{
	struct timeval t = {20, 0};
	char b;

	CHECK(!setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
	EQUAL(recv(pair[0], &b, 1, 0), 1);
}
static void in_accept(void) { CHECK(accept(listener, NULL, NULL) >= 0); }
static void in_sigwait(void)
{
	struct timespec t = {20, 0};

	EQUAL(sigtimedwait(&awaited, NULL, &t), SIGRTMIN + 7);
}
static void in_sigsuspend(void)
{
	sigset_t most;

	sigfillset(&most);
	sigdelset(&most, SIGRTMIN + 7);
	EQUAL(sigsuspend(&most), -1);
	EQUAL(handled, 1);
	CHECK(!sigprocmask(SIG_SETMASK, NULL, &most));
	CHECK(sigismember(&most, SIGRTMIN + 7));
}
static void in_pause(void)
{
	CHECK(!pthread_sigmask(SIG_UNBLOCK, &awaited, NULL));
	EQUAL(pause(), -1);
	EQUAL(handled, 1);
}
static void in_semop(void)
{
	struct sembuf down = {0, -1, 0};
	struct timespec t = {20, 0};

	EQUAL(semtimedop(semaphores, &down, 1, &t), 0);
	CHECK(!semctl(semaphores, 0, IPC_RMID));
}

enum { UNTIL_MS = 4000, LATE_MS = 2000 }; /* less late than if it began anew */

static int64_t end;

static struct timespec until(clockid_t clock)
{
	end = now(clock) + UNTIL_MS * 1000000LL;
	return (struct timespec){end / 1000000000, end % 1000000000};
}

static void in_time(clockid_t clock)
{
	int64_t late = now(clock) - end;

	if (late < 0 || late > LATE_MS * 1000000LL)
		failed("%lld ms late", (long long)late / 1000000);
}
static void in_sleep_until_time(void)
{
	struct timespec t = until(CLOCK_REALTIME);

	EQUAL(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL), 0);
	in_time(CLOCK_REALTIME);
}
static void in_futex_until(void)
{
	struct timespec t = until(CLOCK_MONOTONIC);

	CHECK(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, NULL, -1) == -1 && errno == ETIMEDOUT);
	in_time(CLOCK_MONOTONIC);
}
static void in_sem_timedwait(void)
{
	struct timespec t = until(CLOCK_REALTIME);
	sem_t s;

	CHECK(!sem_init(&s, 0, 0));
	CHECK(sem_timedwait(&s, &t) == -1 && errno == ETIMEDOUT);
	in_time(CLOCK_REALTIME);
}
static void in_cond_timedwait(void)
{
	struct timespec t = until(CLOCK_REALTIME);
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;

	CHECK(!pthread_mutex_lock(&m));
	EQUAL(pthread_cond_timedwait(&c, &m, &t), ETIMEDOUT);
	in_time(CLOCK_REALTIME);
}

static const struct {
	const char *name;
	void (*block)(void), (*wake)(void);
} calls[] = {
	{"nanosleep", in_nanosleep, nobody},
	{"clock_nanosleep", in_sleep_until, nobody},
	{"poll", in_poll, wake_event},
	{"poll-limit", in_poll_limit, nobody},
	{"ppoll", in_ppoll, wake_event},
	{"select", in_select, wake_event},
	{"epoll_wait", in_epoll_wait, wake_event},
	{"epoll_wait-limit", in_epoll_limit, nobody},
	{"epoll_pwait", in_epoll_pwait, wake_event},
	{"futex", in_futex, wake_futex},
	{"futex-limit", in_futex_limit, nobody},
	{"read", in_read_pipe, wake_pipe},
	{"write", in_write_pipe, drain_pipe},
	{"recv", in_recv, wake_socket},
	{"recv-limit", in_recv_limit, wake_socket},
	{"accept", in_accept, wake_accept},
	{"sigtimedwait", in_sigwait, wake_signal},
	{"sigsuspend", in_sigsuspend, wake_signal},
	{"pause", in_pause, wake_signal},
	{"semtimedop", in_semop, wake_semaphore},
	{"sleep-until", in_sleep_until_time, nobody},
	{"futex-until", in_futex_until, nobody},
	{"sem_timedwait", in_sem_timedwait, nobody},
	{"cond_timedwait", in_cond_timedwait, nobody},
};
static int call;
static volatile int over;

static void *block(void *unused)
{
	calls[call].block();
	over = 1;
	return NULL;
}

int main(void)
{
	while (strcmp(calls[call].name, variant))
		if (++call == sizeof calls / sizeof *calls)
			failed("there is no variant %s", variant);
	signal(SIGRTMIN + 7, on_signal);
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGRTMIN + 7);
	CHECK(!pthread_sigmask(SIG_BLOCK, &awaited, NULL));
	CHECK(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	event = eventfd(0, 0);
	set = epoll_create1(0);
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, event, &(struct epoll_event){EPOLLIN, {0}}));
	strncpy(address.sun_path, path("socket"), sizeof address.sun_path - 1);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 1));
	if (calls[call].block == in_semop) {
		CHECK((semaphores = semget(IPC_PRIVATE, 1, 0600)) >= 0);
		write_number("semaphores", semaphores);
	}
	CHECK(!pthread_create(&thread, NULL, block, NULL));
	pause_ms(50); /* it is in the call */
	say_ready();
	await_go();
	if (calls[call].wake != nobody) {
		pause_ms(20);
		EQUAL(over, 0);
		calls[call].wake();
	}
	CHECK(!pthread_join(thread, NULL));
	EQUAL(over, 1);
	return passed();
}
