/* System V shared memory, which lives on without its processes. */
#include "stage.h"
#include <sys/shm.h>

int main(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	char *m = shmat(id, NULL, 0);

	CHECK(id >= 0 && m != (void *)-1);
	CHECK(!shmctl(id, IPC_RMID, NULL)); /* it goes with us */
	strcpy(m, "shared");
	ready();
	CHECK(!strcmp(m, "shared"));
	CHECK(!shmdt(m));
	return passed();
}
