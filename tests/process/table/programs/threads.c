/* Many threads: all there, each with its stack, thread-local memory and name, all running on. */
#include "stage.h"
#include <pthread.h>
#include <sys/prctl.h>

enum { THREADS = 64 };
static __thread int mine;
static volatile long turns[THREADS];
static volatile int stop;

static void *thread(void *number)
{
	volatile int on_stack = (long)number * 3;
	char name[16], now[16] = "";

	mine = (long)number;
	snprintf(name, sizeof name, "thread-%ld", (long)number);
	prctl(PR_SET_NAME, name);
	while (!stop) {
		turns[(long)number]++;
		pause_ms(1);
	}
	prctl(PR_GET_NAME, now);
	CHECK(!strcmp(name, now));
	EQUAL(mine, (long)number);
	EQUAL(on_stack, (long)number * 3);
	return (void *)(long)(mine * 7);
}

int main(void)
{
	pthread_t threads[THREADS];
	long before[THREADS];
	void *returned;

	for (long i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, thread, (void *)i));
	for (int i = 0; i < THREADS; i++)
		while (!turns[i])
			pause_ms(1);
	ready();
	for (int i = 0; i < THREADS; i++)
		before[i] = turns[i];
	for (int i = 0; i < THREADS; i++)
		while (turns[i] == before[i])
			pause_ms(1);
	stop = 1;
	for (long i = 0; i < THREADS; i++) {
		CHECK(!pthread_join(threads[i], &returned));
		EQUAL((long)returned, i * 7);
	}
	CHECK(!pthread_create(&threads[0], NULL, thread, (void *)5L)); /* and new ones can be made */
	CHECK(!pthread_join(threads[0], &returned));
	EQUAL((long)returned, 35);
	return passed();
}
