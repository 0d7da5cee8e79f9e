/* System V semaphores, and what the kernel is to undo with them (SEM_UNDO). */
#include "stage.h"
#include <pthread.h>
#include <sys/sem.h>

static volatile int over;

static void *thread(void *unused)
{
	while (!over)
		pause_ms(1);
	return NULL;
}

int main(void)
{
	int set = semget(IPC_PRIVATE, 1, 0600), is_undone = strcmp(variant, "kept");
	struct sembuf up = {0, 1, is_undone ? SEM_UNDO : 0};
	pthread_t other;
	FILE *f;

	CHECK(set >= 0);
	write_number("semaphores", set);
	if (!strcmp(variant, "threads"))
		CHECK(!pthread_create(&other, NULL, thread, NULL));
	CHECK(!semop(set, &up, 1));
	ready();
	f = fopen("/proc/sysvipc/sem", "r");
	CHECK(f);
	/* What was to be undone, the kernel has when the original was killed; but the image has the values. */
	EQUAL(semctl(set, 0, GETVAL), 1);
	if (resumed() || strcmp(variant, "kept"))
		CHECK(!semctl(set, 0, IPC_RMID));
	else
		semctl(set, 0, IPC_RMID);
	over = 1;
	return passed();
}
