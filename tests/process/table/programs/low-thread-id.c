/*
 * A thread whose ID is lower than that of the process, as when the IDs have
 * started again from below in between.
 */
#include "stage.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t begun, over;
static volatile pid_t id;

static void *live(void *unused)
{
	id = gettid();
	CHECK(!sem_post(&begun));
	while (sem_wait(&over))
		EQUAL(errno, EINTR);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	CHECK(!sem_init(&begun, 0, 0) && !sem_init(&over, 0, 0));
	/* Others take IDs too, meanwhile. */
	for (int tries = 0; !id || id > getpid(); tries++) {
		FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");

		if (!f || tries == 100)
			unable("thread IDs are not to be chosen");
		fprintf(f, "%d", getpid() > 600 ? getpid() - 300 : 300);
		if (fclose(f))
			unable("thread IDs are not to be chosen");
		CHECK(!pthread_create(&thread, NULL, live, NULL));
		while (sem_wait(&begun))
			EQUAL(errno, EINTR);
	}
	ready();
	for (int i = 0; i < 100; i++)
		CHECK(!sem_post(&over));
	CHECK(!pthread_join(thread, NULL));
	return passed();
}
