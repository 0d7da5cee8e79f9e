/* Signals that are pending: for the process, for one thread, queued with values. */
#include "stage.h"
#include <pthread.h>
#include <sys/syscall.h>

static sigset_t all;
static pthread_barrier_t go;

static int take(siginfo_t *info)
{
	return sigtimedwait(&all, info, &(struct timespec){0, 0});
}

static void *thread(void *unused)
{
	siginfo_t info;

	syscall(SYS_tgkill, getpid(), gettid(), SIGHUP);
	pthread_sigqueue(pthread_self(), SIGRTMIN + 4, (union sigval){.sival_int = 4});
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	EQUAL(take(&info), SIGHUP);
	EQUAL(take(&info), SIGRTMIN + 4);
	EQUAL(info.si_value.sival_int, 4);
	return NULL;
}

static int many(void)
{
	enum { MANY = 5000 };
	siginfo_t info;

	for (int i = 0; i < MANY; i++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}))
			unable("as many signals");
	ready();
	for (int i = 0; i < MANY; i++) {
		EQUAL(take(&info), SIGRTMIN);
		EQUAL(info.si_value.sival_int, i);
	}
	EQUAL(take(&info), -1);
	return passed();
}

int main(void)
{
	pthread_t other;
	siginfo_t info;

	sigfillset(&all);
	CHECK(!pthread_sigmask(SIG_SETMASK, &all, NULL));
	if (!strcmp(variant, "many"))
		return many();
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	CHECK(!kill(getpid(), SIGUSR1));
	CHECK(!kill(getpid(), SIGCHLD));
	for (int i = 0; i < 5; i++)
		CHECK(!sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 100 + i}));
	ready();
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(other, NULL));
	EQUAL(take(&info), SIGUSR1);
	EQUAL(info.si_code, SI_USER);
	EQUAL(info.si_uid, getuid());
	EQUAL(take(&info), SIGCHLD);
	for (int i = 0; i < 5; i++) {
		EQUAL(take(&info), SIGRTMIN + 2);
		EQUAL(info.si_code, SI_QUEUE);
		EQUAL(info.si_value.sival_int, 100 + i);
	}
	EQUAL(take(&info), -1);
	return passed();
}
