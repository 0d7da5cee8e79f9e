/* Files that are not simply at the path by which they were opened; the variant says how. */
#include "mounting.h"
#include <dirent.h>
#include <limits.h>
#include <semaphore.h>
#include <sys/mman.h>

/* linked opens a file by one name, of which it has another in the end. */
static int linked(void)
{
	int fd = open(path("a"), O_RDWR | O_CREAT, 0644), other;
	char b[8];

	EQUAL(write(fd, "one", 3), 3);
	CHECK(!link(path("a"), path("b")) && !unlink(path("a")));
	ready();
	EQUAL(write(fd, "two", 3), 3);
	other = open(path("b"), O_RDONLY);
	EQUAL(read(other, b, sizeof b), 6);
	CHECK(!memcmp(b, "onetwo", 6));
	return passed();
}

static int semaphore(void)
{
	char name[64];
	int value;
	sem_t *s, *again;

	snprintf(name, sizeof name, "/snappipe-%u", unique());
	s = sem_open(name, O_CREAT | O_EXCL, 0600, 3);
	CHECK(s != SEM_FAILED);
	write_file("semaphore", name);
	ready();
	/* Opened anew as another program would, it is the same. (glibc has those that it opened at hand.) */
	snprintf(name, sizeof name, "/dev/shm/sem.%s", strdup(name) + 1);
	int fd = open(name, O_RDWR);
	CHECK(fd >= 0);
	again = mmap(NULL, sizeof *again, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(!sem_post(again) && !sem_getvalue(s, &value));
	EQUAL(value, 4);
	unlink(name);
	return passed();
}

/* odd has names that look like something else, or are no text. */
static int odd(void)
{
	static const char *names[] = {"x (deleted)", "line\nbreak", "not\\012a line", "\xff\xfe", "a b", "x (deleted) (deleted)"};
	enum { N = sizeof names / sizeof *names };
	int fd[N];
	char *mapped[N], b[8], link[64], target[PATH_MAX];

	close(open(path("x"), O_CREAT, 0644)); /* which is another */
	for (int i = 0; i < N; i++) {
		fd[i] = open(path(names[i]), O_RDWR | O_CREAT, 0644);
		EQUAL(ftruncate(fd[i], 4096), 0);
		mapped[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i], 0);
		CHECK(mapped[i] != MAP_FAILED);
		if (i >= 3)
			close(fd[i]);
	}
	ready();
	for (int i = 0; i < N; i++) {
		mapped[i][0] = 'a' + i;
		int other = open(path(names[i]), O_RDONLY);
		EQUAL(read(other, b, 1), 1);
		EQUAL(b[0], 'a' + i);
		close(other);
		if (i >= 3)
			continue;
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd[i]);
		memset(target, 0, sizeof target);
		CHECK(readlink(link, target, sizeof target - 1) > 0);
		CHECK(!strcmp(target, path(names[i])));
	}
	return passed();
}

static int overmounted(void)
{
	int fd;

	CHECK(!mkdir(path("d"), 0755));
	fd = open(path("d/file"), O_RDWR | O_CREAT, 0644);
	mount_over(path("d"));
	close(open(path("d/file"), O_RDWR | O_CREAT, 0644)); /* which is another */
	ready();
	EQUAL(write(fd, "x", 1), 1);
	umount2(path("d"), MNT_DETACH);
	return passed();
}

/* plain has a file, a directory and a mapping, to which something happens meanwhile. */
static int plain(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT | O_APPEND, 0644), at, other;
	char b[16];

	EQUAL(write(fd, "before", 6), 6);
	CHECK(!mkdir(path("d"), 0755));
	at = open(path("d"), O_RDONLY | O_DIRECTORY);
	close(openat(at, "inside", O_CREAT, 0644));
	ready();
	EQUAL(write(fd, "after", 5), 5);
	CHECK(!faccessat(at, "inside", F_OK, 0));
	if (resumed()) {
		const char *moved = !access(path("elsewhere/file"), F_OK) ? path("elsewhere/file") : path("file.1");

		other = open(moved, O_RDONLY);
		EQUAL(read(other, b, sizeof b), 11);
	}
	return passed();
}

int main(void)
{
	if (!strcmp(variant, "linked"))
		return linked();
	if (!strcmp(variant, "semaphore"))
		return semaphore();
	if (!strcmp(variant, "odd"))
		return odd();
	if (!strcmp(variant, "overmounted"))
		return overmounted();
	return plain();
}
