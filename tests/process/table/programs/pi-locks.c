/* A lock that lends its owner the priority of who waits for it, held and waited for. */
#include "stage.h"
#include <pthread.h>

static pthread_mutex_t lock;
static volatile int waiting, got;

static void *waiter(void *unused)
{
	waiting = 1;
	CHECK(!pthread_mutex_lock(&lock));
	got++;
	CHECK(!pthread_mutex_unlock(&lock));
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t inherit;
	pthread_t threads[2];

	CHECK(!pthread_mutexattr_init(&inherit) && !pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT));
	CHECK(!pthread_mutex_init(&lock, &inherit));
	CHECK(!pthread_mutex_lock(&lock));
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, waiter, NULL));
	while (!waiting)
		pause_ms(1);
	pause_ms(50);
	ready();
	EQUAL(got, 0);
	CHECK(!pthread_mutex_unlock(&lock));
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(threads[i], NULL));
	EQUAL(got, 2);
	return passed();
}
