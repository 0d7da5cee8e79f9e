/* Which signals each thread has blocked. */
#include "stage.h"
#include <pthread.h>

static pthread_barrier_t go;

static void *thread(void *signal)
{
	sigset_t mine, after;

	sigemptyset(&mine);
	sigaddset(&mine, (long)signal);
	CHECK(!pthread_sigmask(SIG_SETMASK, &mine, NULL));
	pthread_barrier_wait(&go); /* has begun */
	pthread_barrier_wait(&go); /* go on */
	CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &after));
	for (int s = 1; s < 65; s++)
		if (s != 32 && s != 33) /* glibc's own */
			EQUAL(sigismember(&after, s), s == (long)signal);
	return NULL;
}

int main(void)
{
	pthread_t a, b;
	sigset_t mine, after;

	pthread_barrier_init(&go, NULL, 3);
	CHECK(!pthread_create(&a, NULL, thread, (void *)(long)SIGUSR1));
	CHECK(!pthread_create(&b, NULL, thread, (void *)(long)SIGRTMAX));
	sigemptyset(&mine);
	sigaddset(&mine, SIGTRAP);
	sigaddset(&mine, SIGUSR2);
	CHECK(!pthread_sigmask(SIG_BLOCK, &mine, NULL));
	pthread_barrier_wait(&go);
	ready();
	CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &after));
	CHECK(sigismember(&after, SIGTRAP) && sigismember(&after, SIGUSR2) && !sigismember(&after, SIGUSR1));
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(a, NULL) && !pthread_join(b, NULL));
	return passed();
}
