/* Descriptors of processes: one's own, a child's, the parent's, and others. */
#include "family.h"
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int of(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	CHECK(fd >= 0);
	return fd;
}

static int has_ended(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, ms);
}

int main(void)
{
	siginfo_t info;
	int fd;
	pid_t child;

	if (!strcmp(variant, "own")) {
		fd = of(getpid());
		CHECK(!fcntl(fd, F_SETFL, O_NONBLOCK));
		ready();
		EQUAL(has_ended(fd, 0), 0);
		EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		EQUAL(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
		return passed();
	}
	if (!strcmp(variant, "other")) {
		fd = of(getppid());
		ready();
		return passed();
	}
	if (!strcmp(variant, "ended")) {
		if (!(child = born()))
			_exit(0);
		fd = of(child);
		EQUAL(waitpid(child, NULL, 0), child);
		ready();
		EQUAL(has_ended(fd, 0), 1);
		return passed();
	}
	if (!strcmp(variant, "parent")) {
		int status;

		fd = of(getpid());
		if (!(child = born())) {
			await_go();
			EQUAL(has_ended(fd, 0), 0);
			EQUAL(syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0), 0);
			_exit(0);
		}
		close(fd);
		ready();
		EQUAL(waitpid(child, &status, 0), child);
		EQUAL(status, 0);
		return passed();
	}
	if (!(child = born()))
		for (;;)
			pause();
	fd = of(child);
	ready();
	EQUAL(has_ended(fd, 0), 0);
	EQUAL(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), 0);
	EQUAL(has_ended(fd, 10000), 1);
	EQUAL(waitid(P_PIDFD, fd, &info, WEXITED), 0);
	EQUAL(info.si_pid, child);
	EQUAL(info.si_status, SIGTERM);
	return passed();
}
