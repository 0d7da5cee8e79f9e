/* Whom O_ASYNC signals, and by which signal. */
#include "stage.h"
#include <sys/socket.h>

static volatile int fd_of_signal;
static void on_signal(int signal, siginfo_t *info, void *context) { fd_of_signal = info->si_fd; }

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	int pair[2];

	CHECK(!sigaction(SIGRTMIN + 6, &a, NULL));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(!fcntl(pair[0], F_SETOWN, getpid()) && !fcntl(pair[0], F_SETSIG, SIGRTMIN + 6));
	CHECK(!fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	ready();
	EQUAL(fcntl(pair[0], F_GETSIG), SIGRTMIN + 6);
	EQUAL(fcntl(pair[0], F_GETOWN), getpid());
	EQUAL(write(pair[1], "x", 1), 1);
	for (int i = 0; i < 1000 && !fd_of_signal; i++)
		pause_ms(5);
	EQUAL(fd_of_signal, pair[0]);
	return passed();
}
