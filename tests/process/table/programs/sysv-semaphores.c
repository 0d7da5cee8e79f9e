/* A set of System V semaphores: its ID, key, mode and values. */
#include "stage.h"
#include <sys/sem.h>

int main(void)
{
	key_t key = unique();
	int set = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
	unsigned short values[3] = {1, 32767, 0}, now[3];
	struct semid_ds before, after;
	struct sembuf down = {0, -1, IPC_NOWAIT}, up = {2, 3, 0};

	CHECK(set >= 0);
	CHECK(!semctl(set, 0, SETALL, values));
	CHECK(!semop(set, &up, 1));
	CHECK(!semctl(set, 0, IPC_STAT, &before));
	write_number("semaphores", set);
	ready();
	EQUAL(semget(key, 0, 0), set);
	CHECK(!semctl(set, 0, IPC_STAT, &after));
	EQUAL(after.sem_perm.mode, before.sem_perm.mode);
	EQUAL(after.sem_perm.uid, before.sem_perm.uid);
	EQUAL(after.sem_perm.gid, before.sem_perm.gid);
	EQUAL(after.sem_nsems, 3);
	CHECK(!semctl(set, 0, GETALL, now));
	EQUAL(now[0], 1);
	EQUAL(now[1], 32767);
	EQUAL(now[2], 3);
	CHECK(!semop(set, &down, 1));
	CHECK(semop(set, &down, 1) < 0 && errno == EAGAIN);
	CHECK(!semctl(set, 0, IPC_RMID));
	return passed();
}
