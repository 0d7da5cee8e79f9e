/* System V shared memory, which lives on without its processes. */
#include "stage.h"
#include <sys/mman.h>
#include <sys/shm.h>

#define SIZE 70001

static int is(const char *name) { return !strcmp(variant, name); }

int main(void)
{
	key_t key = is("removed") || is("parts") ? IPC_PRIVATE : (key_t)unique();
	int id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	char *m = shmat(id, NULL, 0), *n = NULL;
	struct shmid_ds before, after;

	CHECK(id >= 0 && m != (void *)-1);
	strcpy(m, "shared");
	m[4096 * 5] = 5;
	m[SIZE - 1] = 1;
	if (is("read-only")) {
		CHECK((n = shmat(id, NULL, SHM_RDONLY)) != (void *)-1);
	} else if (is("parts")) {
		CHECK((n = shmat(id, NULL, 0)) != (void *)-1);
		CHECK(!munmap(m + 4096, 4 * 4096));
		CHECK(!mprotect(m + 5 * 4096, 4096, PROT_READ));
		CHECK(!munmap(n, 5 * 4096));
		CHECK(!munmap(n + 7 * 4096, SIZE - 7 * 4096));
	}
	if (is("locked"))
		CHECK(!shmctl(id, SHM_LOCK, NULL));
	CHECK(!shmctl(id, IPC_STAT, &before));
	if (is("owned")) {
		before.shm_perm.uid = 1234;
		before.shm_perm.gid = 2345;
		before.shm_perm.mode = 0640;
		CHECK(!shmctl(id, IPC_SET, &before));
	}
	if (is("removed") || is("parts"))
		CHECK(!shmctl(id, IPC_RMID, NULL)); /* it goes with us */
	CHECK(!shmctl(id, IPC_STAT, &before));
	if (is("loose"))
		CHECK(!shmdt(m));
	write_number("segment", id);
	ready();
	CHECK(!shmctl(id, IPC_STAT, &after));
	if (is("loose")) {
		EQUAL(after.shm_nattch, 0);
		CHECK((m = shmat(id, m, 0)) != (void *)-1);
		before.shm_nattch = 0;
	}
	EQUAL(after.shm_perm.__key, before.shm_perm.__key);
	EQUAL(after.shm_perm.uid, before.shm_perm.uid);
	EQUAL(after.shm_perm.gid, before.shm_perm.gid);
	EQUAL(after.shm_perm.mode, before.shm_perm.mode);
	EQUAL(after.shm_segsz, before.shm_segsz);
	EQUAL(after.shm_nattch, before.shm_nattch);
	CHECK(!strcmp(m, "shared"));
	EQUAL(m[4096 * 5], 5);
	EQUAL(is("parts") ? 1 : m[SIZE - 1], 1);
	m[4096 * 5 - (is("parts") ? 5 * 4096 : 0)] = 6;
	if (n && !is("parts")) {
		EQUAL(n[4096 * 5], 6);
		CHECK(mprotect(n, 4096, PROT_READ | PROT_WRITE) < 0);
		CHECK(!shmdt(n));
	}
	if (is("parts")) {
		CHECK(mincore(m + 4096, 4096, (unsigned char[1]){0}) < 0 && errno == ENOMEM);
		n[5 * 4096 + 1] = 7;
		EQUAL(m[5 * 4096 + 1], 7);
	}
	if (!is("removed") && !is("parts"))
		CHECK(!shmctl(id, IPC_RMID, NULL));
	CHECK(!shmdt(m));
	return passed();
}
