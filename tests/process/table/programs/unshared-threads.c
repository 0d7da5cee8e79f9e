/* Threads that don't share what threads usually do; the variant says what. */
#include "stage.h"
#include <pthread.h>
#include <sched.h>

static pthread_barrier_t go;
static int fd;

static void *thread(void *unused)
{
	if (!strcmp(variant, "files")) {
		CHECK(!unshare(CLONE_FILES));
		CHECK(!close(fd)); /* for this thread alone */
	} else {
		CHECK(!unshare(CLONE_FS));
		CHECK(!chdir("/usr"));
	}
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	if (!strcmp(variant, "files")) {
		CHECK(fcntl(fd, F_GETFD) < 0);
	} else {
		char b[64];
		CHECK(getcwd(b, sizeof b) && !strcmp(b, "/usr"));
	}
	return NULL;
}

int main(void)
{
	pthread_t other;

	fd = open("/dev/null", O_RDWR);
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	ready();
	CHECK(fcntl(fd, F_GETFD) >= 0);
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(other, NULL));
	return passed();
}
