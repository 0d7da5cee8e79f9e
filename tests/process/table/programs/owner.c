/* Whom a file signals, and by which signal; the variant says whom, or of what file. */
#include "orphan.h"
#include <pthread.h>
#include <sys/socket.h>

static volatile int fd_of_signal;
static volatile pid_t thread_of_signal;
static void on_signal(int signal, siginfo_t *info, void *context)
{
	fd_of_signal = info->si_fd;
	thread_of_signal = gettid();
}

static pid_t other;
static volatile int end;
static void *thread(void *unused)
{
	other = gettid();
	while (!end)
		pause_ms(5);
	return NULL;
}

static void await_signal(int fd)
{
	for (int i = 0; i < 1000 && !fd_of_signal; i++)
		pause_ms(5);
	EQUAL(fd_of_signal, fd);
}

static void set_owner(int fd, int type, pid_t id)
{
	struct f_owner_ex o = {type, id};

	CHECK(!fcntl(fd, F_SETOWN_EX, &o));
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct f_owner_ex o;
	pthread_t t;
	int pair[2], fd, plain = !strcmp(variant, "plain");

	CHECK(!sigaction(SIGRTMIN + 6, &a, NULL));
	if (!strcmp(variant, "pipe"))
		CHECK(!pipe(pair));
	else
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fd = plain ? open(path("file"), O_RDWR | O_CREAT, 0644) : pair[0];
	CHECK(!fcntl(fd, F_SETSIG, SIGRTMIN + 6));
	if (!strcmp(variant, "thread")) {
		CHECK(!pthread_create(&t, NULL, thread, NULL));
		while (!other)
			pause_ms(1);
		set_owner(fd, F_OWNER_TID, other);
	} else if (!strcmp(variant, "group")) {
		CHECK(!setpgid(0, 0)); /* or the tests would get them */
		set_owner(fd, F_OWNER_PGRP, getpgrp());
	} else if (!strcmp(variant, "outside")) {
		CHECK(!pipe(pair));
		if (orphan()) {
			pid_t own = getpid();
			CHECK(write(pair[1], &own, sizeof own) == sizeof own);
			close(pair[0]), close(pair[1]);
			for (;;)
				pause_ms(1000);
		}
		CHECK(read(pair[0], &other, sizeof other) == sizeof other);
		close(pair[0]), close(pair[1]);
		set_owner(fd, F_OWNER_PID, other);
	} else {
		CHECK(!fcntl(fd, F_SETOWN, getpid()));
	}
	if (!plain)
		CHECK(!fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
	ready();
	EQUAL(fcntl(fd, F_GETSIG), SIGRTMIN + 6);
	CHECK(!fcntl(fd, F_GETOWN_EX, &o));
	if (!strcmp(variant, "thread")) {
		EQUAL(o.type, F_OWNER_TID);
		EQUAL(write(pair[1], "x", 1), 1);
		await_signal(fd);
		EQUAL(thread_of_signal, o.pid);
		CHECK(thread_of_signal != getpid());
		end = 1;
		CHECK(!pthread_join(t, NULL));
		return passed();
	}
	if (!strcmp(variant, "outside"))
		return passed();
	EQUAL(o.type, !strcmp(variant, "group") ? F_OWNER_PGRP : F_OWNER_PID);
	EQUAL(o.pid, !strcmp(variant, "group") ? getpgrp() : getpid());
	if (plain)
		return passed();
	EQUAL(write(pair[1], "x", 1), 1);
	await_signal(fd);
	return passed();
}
