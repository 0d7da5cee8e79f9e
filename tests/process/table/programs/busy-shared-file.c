/* A shared mapping of a file that a thread never stops writing to. */
#include "stage.h"
#include <pthread.h>
#include <sys/mman.h>

enum { SIZE = 32 << 20 };
static volatile char *mapped;
static volatile int stop;

static void *scribble(void *unused)
{
	for (unsigned n = 1; !stop; n++)
		for (int i = 0; i < SIZE && !stop; i += 512)
			mapped[i] = n;
	return NULL;
}

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644);
	pthread_t writer;

	CHECK(!ftruncate(fd, SIZE));
	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(mapped != MAP_FAILED);
	CHECK(!pthread_create(&writer, NULL, scribble, NULL));
	while (!mapped[SIZE - 512])
		pause_ms(1);
	ready();
	stop = 1;
	CHECK(!pthread_join(writer, NULL));
	return passed();
}
