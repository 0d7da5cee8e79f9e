/* Alternate signal stacks, one for each thread. */
#include "stage.h"
#include <pthread.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static int flags; /* of the stacks */
static char stacks[2][65536];
static volatile int within[2];
static pthread_barrier_t go;

static void on_signal(int signal)
{
	char here;

	for (int i = 0; i < 2; i++)
		within[i] += &here >= stacks[i] && &here < stacks[i] + sizeof stacks[i];
}

static void install(int i)
{
	CHECK(!sigaltstack(&(stack_t){.ss_sp = stacks[i], .ss_size = sizeof stacks[i], .ss_flags = flags}, NULL));
}

static void check(int i)
{
	stack_t now;

	CHECK(!sigaltstack(NULL, &now));
	CHECK(now.ss_sp == stacks[i] && now.ss_size == sizeof stacks[i] && now.ss_flags == flags);
	raise(SIGUSR1);
	EQUAL(within[i], 1);
}

static void *thread(void *unused)
{
	install(1);
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	check(1);
	return NULL;
}

int main(void)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	pthread_t other;

	flags = strcmp(variant, "autodisarm") ? 0 : SS_AUTODISARM;
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!sigaction(SIGUSR1, &a, NULL));
	install(0);
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	ready();
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(other, NULL));
	check(0);
	return passed();
}
