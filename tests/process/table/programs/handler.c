/* A snapshot while a handler runs on the alternate stack, which then returns. */
#include "stage.h"
#include <ucontext.h>

static char stack[65536];
static volatile int handled;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	sigset_t blocked;
	stack_t now;

	ready();
	CHECK(!sigprocmask(SIG_SETMASK, NULL, &blocked));
	CHECK(sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGHUP));
	CHECK(!sigaltstack(NULL, &now));
	EQUAL(now.ss_flags, SS_ONSTACK);
	EQUAL(info->si_value.sival_int, 99);
	handled = 1;
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_ONSTACK | SA_SIGINFO};
	sigset_t blocked;
	volatile double kept = 1.25;

	CHECK(!sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL));
	sigaddset(&a.sa_mask, SIGHUP);
	CHECK(!sigaction(SIGUSR1, &a, NULL));
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 99});
	EQUAL(handled, 1);
	CHECK(!sigprocmask(SIG_SETMASK, NULL, &blocked));
	CHECK(!sigismember(&blocked, SIGUSR1) && !sigismember(&blocked, SIGHUP));
	CHECK(kept * 4 == 5);
	return passed();
}
