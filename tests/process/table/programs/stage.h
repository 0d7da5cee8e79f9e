/*
 * What all programs of the table share.
 *
 * A program sets one thing up, calls ready(), and then checks that the thing is
 * as it was: once in the process that a snapshot was taken of, which must not
 * have noticed, and once in the process that was resumed from the image. Its
 * verdict is the file "result" in the directory that is its first argument.
 *
 * Descriptors 0 to 2 come from whoever starts or resumes it, so nothing is said
 * through them but what makes a failure easier to understand.
 */
#ifndef STAGE_H
#define STAGE_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const char *directory, *variant = "";
static int the_result = -1;

/* glibc hands the arguments of main to constructors too. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
	directory = argc > 1 ? argv[1] : ".";
	if (argc > 2)
		variant = argv[2];
}

/* path returns the name of a file in the directory; eight are valid at once. */
static inline const char *path(const char *name)
{
	static __thread char names[8][512];
	static __thread unsigned next;
	char *s = names[next++ % 8];

	snprintf(s, sizeof names[0], "%s/%s", directory, name);
	return s;
}

/* write_file makes a file appear with all of its text at once. */
static inline void write_file(const char *name, const char *text)
{
	char temporary[512];
	int fd;

	snprintf(temporary, sizeof temporary, "%s/.%s", directory, name);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) ||
	    rename(temporary, path(name)))
		_exit(2);
}

static inline void write_number(const char *name, int number)
{
	char text[16];

	snprintf(text, sizeof text, "%d", number);
	write_file(name, text);
}

/*
 * failed ends the program. A program that limits what it may open makes the
 * file of its verdict beforehand, by keep_result().
 */
__attribute__((format(printf, 1, 2), noreturn)) static inline void failed(const char *format, ...)
{
	char text[1024] = "FAIL: ";
	va_list args;

	va_start(args, format);
	vsnprintf(text + 6, sizeof text - 7, format, args);
	va_end(args);
	if (the_result >= 0) {
		if (write(the_result, text, strlen(text)) < 0)
			_exit(2);
	} else {
		write_file("result", text);
	}
	_exit(1);
}

#define CHECK(condition)                                                              \
	do {                                                                          \
		errno = 0;                                                            \
		if (!(condition))                                                     \
			failed("%s:%d: not so: %s (%s)", __FILE__, __LINE__, #condition, \
			       strerror(errno));                                      \
	} while (0)

#define EQUAL(got, want)                                                              \
	do {                                                                          \
		errno = 0;                                                            \
		long long got_ = (long long)(got), want_ = (long long)(want);         \
		if (got_ != want_)                                                    \
			failed("%s:%d: %s is %lld (%#llx), not %lld (%#llx) (%s)",    \
			       __FILE__, __LINE__, #got, got_, got_, want_, want_,    \
			       strerror(errno));                                      \
	} while (0)

/* unable says that this machine does not have what the program is about. */
__attribute__((noreturn)) static inline void unable(const char *what)
{
	char text[256];

	snprintf(text, sizeof text, "SKIP: %s (%s)", what, strerror(errno));
	write_file("result", text);
	_exit(0);
}

static inline void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static inline void say_ready(void) { write_file("ready", ""); }

static char went_on[16];

/* await_go waits for the file "go"; a lost program ends by itself. */
static inline void await_go(void)
{
	for (int i = 0; i < 60000; i++) {
		int fd = open(path("go"), O_RDONLY);

		if (fd >= 0) {
			ssize_t n = read(fd, went_on, sizeof went_on - 1);

			if (n < 0)
				failed("reading go: %s", strerror(errno));
			close(fd);
			return;
		}
		pause_ms(2);
	}
	failed("nobody said to go on");
}

static inline void ready(void)
{
	say_ready();
	await_go();
}

/* resumed tells the process that came from an image from the one it is of. */
static inline int resumed(void) { return !strcmp(went_on, "resumed"); }

static inline void keep_result(void)
{
	the_result = open(path("result.part"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(the_result >= 0);
}

static inline int passed(void)
{
	if (the_result >= 0) {
		if (write(the_result, "ok", 2) != 2)
			_exit(2);
	} else {
		write_file("result", "ok");
	}
	return 0;
}

/* unique returns what no other program has, whatever PID namespace it has its ID in. */
static inline uint32_t unique(void)
{
	uint32_t n;

	CHECK(getrandom(&n, sizeof n, 0) == sizeof n);
	return n | 1; /* and not IPC_PRIVATE */
}

/* now reads a clock, in nanoseconds. */
static inline int64_t now(clockid_t clock)
{
	struct timespec t;

	CHECK(!clock_gettime(clock, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

#endif
