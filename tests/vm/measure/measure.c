/*
 * What the tools are measured against, inside a guest.
 *
 *	measure bare     make an image and read it into memory, with nothing
 *	                 around it: prints for how many ms the machine stood still
 *	measure tick S   for S seconds, sleep 1 ms again and again: prints the
 *	                 longest pauses in ms, the longest first
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/suspend_ioctls.h>

#define ROOM (1UL << 30)
#define WORST 5

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int fail(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	return 1;
}

static int bare(void)
{
	char *buf = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int in_suspend = 0, fd = open("/dev/snapshot", O_RDONLY);
	size_t got = 0;
	ssize_t n = 0;
	double start, end;

	if (buf == MAP_FAILED || fd < 0)
		return fail("begin");
	start = ms();
	if (ioctl(fd, SNAPSHOT_FREEZE, 0))
		return fail("freeze");
	if (ioctl(fd, SNAPSHOT_CREATE_IMAGE, &in_suspend) || !in_suspend)
		return fail("create");
	while (got < ROOM && (n = read(fd, buf + got, ROOM - got)) > 0)
		got += n;
	ioctl(fd, SNAPSHOT_FREE, 0);
	ioctl(fd, SNAPSHOT_UNFREEZE, 0);
	end = ms();
	if (n < 0)
		return fail("read");
	printf("%.1f %zu\n", end - start, got);
	return 0;
}

static int tick(double seconds)
{
	struct timespec one = { 0, 1000000 };
	double worst[WORST + 1] = { 0 }, start = ms(), last = start, now;
	int i;

	while ((now = ms()) < start + seconds * 1e3) {
		worst[WORST] = now - last;
		for (i = WORST; i > 0 && worst[i] > worst[i - 1]; i--) {
			double w = worst[i];

			worst[i] = worst[i - 1];
			worst[i - 1] = w;
		}
		last = ms();
		nanosleep(&one, NULL);
	}
	for (i = 0; i < WORST; i++)
		printf("%.1f%c", worst[i], i < WORST - 1 ? ' ' : '\n');
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "bare"))
		return bare();
	if (argc == 3 && !strcmp(argv[1], "tick"))
		return tick(atof(argv[2]));
	fprintf(stderr, "usage: measure bare | tick SECONDS\n");
	return 2;
}
