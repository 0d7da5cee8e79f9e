/*
 * What the tools are measured against, inside a guest.
 *
 *	measure bare     make an image and read it into memory, with nothing
 *	                 around it
 *	measure gzip DISK, measure zstd DISK
 *	                 make an image, compress it as gzip -9 or zstd -1 do, and
 *	                 write it to the disk, all while the machine stands still
 *	measure tick S   for S seconds, sleep 1 ms again and again: prints the
 *	                 longest pauses in ms, the longest first
 *
 * But for the last, what is printed is for how many ms the machine stood still,
 * and the size of the image in bytes.
 */
#define _GNU_SOURCE
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
#include <zlib.h>
#include <zstd.h>

#define ROOM (1UL << 30)
#define CHUNK (1UL << 20)
#define PAGE 4096UL
#define WORST 5

/* Where the image goes to: a chunk of it, the last if it is a short one. */
struct sink {
	int (*put)(struct sink *s, const char *p, size_t n);
	char *out;		/* 2 * CHUNK bytes, for the disk */
	size_t fill;		/* what waits there */
	int disk;
	z_stream z;
	ZSTD_CCtx *zstd;
	char *copy;		/* bare: where the rest of the image goes */
};

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

/* Memory that is there, since nothing can be had while all stands still. */
static char *solid(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Writes whole chunks of what waits, or all of it. */
static int drain(struct sink *s, int all)
{
	size_t n = all ? (s->fill + PAGE - 1) / PAGE * PAGE : s->fill / CHUNK * CHUNK;

	if (n && write(s->disk, s->out, n) != (ssize_t)n)
		return -1;
	if (n < s->fill)
		memmove(s->out, s->out + n, s->fill - n);
	s->fill = n < s->fill ? s->fill - n : 0;
	return 0;
}

static int put_gzip(struct sink *s, const char *p, size_t n)
{
	int flush = n < CHUNK ? Z_FINISH : Z_NO_FLUSH;

	s->z.next_in = (Bytef *)p;
	s->z.avail_in = n;
	do {
		s->z.next_out = (Bytef *)s->out + s->fill;
		s->z.avail_out = 2 * CHUNK - s->fill;
		if (deflate(&s->z, flush) == Z_STREAM_ERROR)
			return -1;
		s->fill = (char *)s->z.next_out - s->out;
		if (drain(s, 0))
			return -1;
	} while (s->z.avail_in || !s->z.avail_out);
	return flush == Z_FINISH ? drain(s, 1) : 0;
}

static int put_zstd(struct sink *s, const char *p, size_t n)
{
	ZSTD_EndDirective how = n < CHUNK ? ZSTD_e_end : ZSTD_e_continue;
	ZSTD_inBuffer in = { p, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { s->out, 2 * CHUNK, s->fill };

		left = ZSTD_compressStream2(s->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return -1;
		s->fill = out.pos;
		if (drain(s, 0))
			return -1;
	} while (in.pos < in.size || (how == ZSTD_e_end && left));
	return how == ZSTD_e_end ? drain(s, 1) : 0;
}

/* Prepares a sink, with nothing left to allocate. */
static int prepare(struct sink *s, const char *how, const char *disk)
{
	char *warm;

	memset(s, 0, sizeof(*s));
	s->disk = open(disk, O_WRONLY | O_DIRECT);
	s->out = solid(2 * CHUNK);
	warm = solid(CHUNK);
	if (s->disk < 0 || !s->out || !warm)
		return -1;
	if (!strcmp(how, "gzip")) {
		s->put = put_gzip;
		return deflateInit2(&s->z, 9, Z_DEFLATED, 15 + 16, 8, 0) == Z_OK ? 0 : -1;
	}
	s->put = put_zstd;
	s->zstd = ZSTD_createCCtx();
	if (!s->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, 1)))
		return -1;
	/* It allocates with the first chunk. */
	if (put_zstd(s, warm, CHUNK))
		return -1;
	ZSTD_CCtx_reset(s->zstd, ZSTD_reset_session_only);
	s->fill = 0;
	return 0;
}

/* Reads the image: into s->copy, or chunk by chunk into the sink. */
static ssize_t take(int fd, struct sink *s, char *chunk)
{
	size_t got = 0, in = 0;
	ssize_t n;

	if (s->copy) {
		while (got < ROOM && (n = read(fd, s->copy + got, ROOM - got)) > 0)
			got += n;
		return got;
	}
	for (;;) {
		n = read(fd, chunk + in, CHUNK - in);
		if (n < 0)
			return -1;
		got += n;
		in += n;
		if (n && in < CHUNK)
			continue;
		if (s->put(s, chunk, in))
			return -1;
		if (!n)
			return got;
		in = 0;
	}
}

static int snapshot(struct sink *s)
{
	char *chunk = solid(CHUNK);
	int in_suspend = 0, fd = open("/dev/snapshot", O_RDONLY);
	ssize_t got;
	double start, end;

	if (fd < 0 || !chunk || mlockall(MCL_CURRENT))
		return fail("begin");
	/* After mlockall: the copy is to be there only as it is filled. */
	if (!s->put) {
		s->copy = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (s->copy == MAP_FAILED)
			return fail("map");
	}
	start = ms();
	if (ioctl(fd, SNAPSHOT_FREEZE, 0))
		return fail("freeze");
	if (ioctl(fd, SNAPSHOT_CREATE_IMAGE, &in_suspend) || !in_suspend)
		return fail("create");
	got = take(fd, s, chunk);
	ioctl(fd, SNAPSHOT_FREE, 0);
	ioctl(fd, SNAPSHOT_UNFREEZE, 0);
	end = ms();
	if (got < 0)
		return fail("read, compress or write");
	printf("%.1f %zd\n", end - start, got);
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
	struct sink s = { 0 };

	if (argc == 2 && !strcmp(argv[1], "bare"))
		return snapshot(&s);
	if (argc == 3 && !strcmp(argv[1], "tick"))
		return tick(atof(argv[2]));
	if (argc == 3 && (!strcmp(argv[1], "gzip") || !strcmp(argv[1], "zstd")))
		return prepare(&s, argv[1], argv[2]) ? fail("prepare") : snapshot(&s);
	fprintf(stderr, "usage: measure bare | gzip DISK | zstd DISK | tick SECONDS\n");
	return 2;
}
