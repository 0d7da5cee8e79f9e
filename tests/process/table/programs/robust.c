/* A robust lock, held by a thread that dies of its own accord only after the resume. */
#include "stage.h"
#include <pthread.h>
#include <sys/syscall.h>

static pthread_mutex_t lock;
static pthread_barrier_t go;

static void *thread(void *unused)
{
	CHECK(!pthread_mutex_lock(&lock));
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	syscall(SYS_exit, 0); /* without a word to glibc */
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t a;
	pthread_t owner;
	struct timespec limit;

	pthread_mutexattr_init(&a);
	CHECK(!pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	CHECK(!pthread_mutex_init(&lock, &a));
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!pthread_create(&owner, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	ready();
	EQUAL(pthread_mutex_trylock(&lock), EBUSY);
	pthread_barrier_wait(&go);
	CHECK(!clock_gettime(CLOCK_REALTIME, &limit));
	limit.tv_sec += 20;
	EQUAL(pthread_mutex_timedlock(&lock, &limit), EOWNERDEAD);
	CHECK(!pthread_mutex_consistent(&lock) && !pthread_mutex_unlock(&lock));
	EQUAL(pthread_join(owner, NULL), 0); /* the kernel has cleared its thread ID */
	return passed();
}
