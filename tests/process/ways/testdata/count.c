/*
 * Counts in a file of its own, which has its process ID in its name, until the
 * file "stop" is there, and ends with status 7. Two threads wait meanwhile, and
 * a signal does nothing.
 */
#include "../../table/programs/stage.h"
#include <pthread.h>

static volatile long count;
static char marker[] = "what a debugger finds";

__attribute__((noinline)) static void wait_here(void)
{
	for (;;)
		pause_ms(1000);
}

static void *idle(void *name)
{
	pthread_setname_np(pthread_self(), name);
	wait_here();
	return marker;
}

__attribute__((noinline)) static int count_up(void)
{
	char name[64], text[64];

	while (access(path("stop"), F_OK)) {
		int fd;

		/* Not by write_file: what is open in a snapshot has to stay. */
		snprintf(name, sizeof name, "count-%d", getpid());
		snprintf(text, sizeof text, "%08ld", ++count);
		CHECK((fd = open(path(name), O_WRONLY | O_CREAT, 0644)) >= 0);
		EQUAL(write(fd, text, 8), 8);
		close(fd);
		pause_ms(5);
	}
	return 7;
}

static void nothing(int signal) { }

int main(void)
{
	pthread_t threads[2];

	signal(SIGUSR2, nothing);
	CHECK(!pthread_create(&threads[0], NULL, idle, "first"));
	CHECK(!pthread_create(&threads[1], NULL, idle, "second"));
	return count_up();
}
