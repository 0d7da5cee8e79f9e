/* What is to be done with each signal: handlers, flags, masks, ignored ones. */
#include "stage.h"

static volatile int plain, informed, value;

static void on_plain(int signal) { plain = signal; }

static void on_informed(int signal, siginfo_t *info, void *context)
{
	informed = signal;
	value = info->si_value.sival_int;
}

int main(void)
{
	struct sigaction a = {.sa_handler = on_plain, .sa_flags = SA_RESTART | SA_RESETHAND}, b;

	sigaddset(&a.sa_mask, SIGHUP);
	sigaddset(&a.sa_mask, SIGRTMAX);
	CHECK(!sigaction(SIGUSR1, &a, NULL));
	a = (struct sigaction){.sa_sigaction = on_informed, .sa_flags = SA_SIGINFO | SA_NODEFER};
	CHECK(!sigaction(SIGRTMIN + 3, &a, NULL));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTRAP, SIG_IGN); /* what debuggers like to use */
	ready();
	CHECK(!sigaction(SIGUSR1, NULL, &b));
	CHECK(b.sa_handler == on_plain);
	EQUAL(b.sa_flags & (SA_RESTART | SA_RESETHAND), SA_RESTART | SA_RESETHAND);
	CHECK(sigismember(&b.sa_mask, SIGHUP) && sigismember(&b.sa_mask, SIGRTMAX));
	CHECK(!sigismember(&b.sa_mask, SIGINT));
	CHECK(!sigaction(SIGPIPE, NULL, &b) && b.sa_handler == SIG_IGN);
	CHECK(!sigaction(SIGTRAP, NULL, &b) && b.sa_handler == SIG_IGN);
	CHECK(!sigaction(SIGTERM, NULL, &b) && b.sa_handler == SIG_DFL);
	raise(SIGUSR1);
	EQUAL(plain, SIGUSR1);
	CHECK(!sigaction(SIGUSR1, NULL, &b) && b.sa_handler == SIG_DFL);
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 77});
	EQUAL(informed, SIGRTMIN + 3);
	EQUAL(value, 77);
	return passed();
}
