/* signalfd: its mask, and a signal that is pending on it. */
#include "stage.h"
#include <sys/signalfd.h>

int main(void)
{
	struct signalfd_siginfo info;
	sigset_t two, one;
	int fd;

	sigemptyset(&two);
	sigaddset(&two, SIGUSR1);
	sigaddset(&two, SIGRTMIN + 1);
	CHECK(!sigprocmask(SIG_BLOCK, &two, NULL));
	one = two;
	sigdelset(&one, SIGUSR1);
	fd = signalfd(-1, &one, SFD_NONBLOCK);
	CHECK(fd >= 0);
	CHECK(!sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 9}));
	CHECK(!kill(getpid(), SIGUSR1));
	ready();
	EQUAL(read(fd, &info, sizeof info), sizeof info);
	EQUAL(info.ssi_signo, SIGRTMIN + 1);
	EQUAL(info.ssi_int, 9);
	CHECK(read(fd, &info, sizeof info) < 0 && errno == EAGAIN);
	return passed();
}
