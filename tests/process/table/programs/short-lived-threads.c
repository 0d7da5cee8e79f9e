/*
 * Threads that come and go all the time: none is lost, and none is counted
 * twice.
 */
#include "stage.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MAKERS = 3 };

static atomic_long begun, over;
static atomic_bool stop;

static void *live(void *unused)
{
	atomic_fetch_add(&over, 1);
	return NULL;
}

static void *make(void *unused)
{
	pthread_t thread;

	while (!stop) {
		int e = pthread_create(&thread, NULL, live, NULL);

		EQUAL(e, 0);
		atomic_fetch_add(&begun, 1);
		EQUAL(pthread_join(thread, NULL), 0);
	}
	return NULL;
}

int main(void)
{
	pthread_t makers[MAKERS];
	long before;

	for (int i = 0; i < MAKERS; i++)
		CHECK(!pthread_create(&makers[i], NULL, make, NULL));
	ready();
	for (before = begun; begun < before + 100;)
		pause_ms(1);
	stop = 1;
	for (int i = 0; i < MAKERS; i++)
		CHECK(!pthread_join(makers[i], NULL));
	EQUAL(begun, over);
	return passed();
}
