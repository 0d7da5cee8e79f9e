/* inotify: watches by path, with their numbers and masks; the next number; what the variant says. */
#include "stage.h"
#include <sys/inotify.h>

static int fd;

/* shown is what the kernel shows of the set. */
static void shown(char *text, size_t size)
{
	char name[64];
	int f;
	ssize_t n;

	snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
	f = open(name, O_RDONLY);
	n = read(f, text, size - 1);
	CHECK(n > 0);
	text[n] = 0;
	close(f);
	memmove(text, strstr(text, "inotify wd"), strlen(strstr(text, "inotify wd")) + 1);
}

int main(void)
{
	int file, directory_watch, gone, later, last = 0;
	struct inotify_event *e;
	char buffer[4096] __attribute__((aligned(8))), before[4096], after[4096];

	fd = inotify_init1(IN_NONBLOCK);
	CHECK(fd >= 0);
	CHECK(!mkdir(path("watched"), 0755) && !mkdir(path("once"), 0755));
	write_file("watched-file", "");
	CHECK(!symlink("watched-file", path("link")));
	gone = inotify_add_watch(fd, directory, IN_ATTRIB);
	directory_watch = inotify_add_watch(fd, path("watched"), IN_CREATE | IN_ONLYDIR);
	CHECK(!inotify_rm_watch(fd, gone)); /* so that the numbers have a gap */
	file = inotify_add_watch(fd, path("watched-file"), IN_OPEN);
	CHECK(inotify_add_watch(fd, path("watched-file"), IN_DELETE_SELF | IN_MASK_ADD) == file);
	CHECK(inotify_add_watch(fd, path("link"), IN_DELETE_SELF | IN_DONT_FOLLOW) > file);
	CHECK(inotify_add_watch(fd, path("once"), IN_CREATE | IN_ONESHOT | IN_EXCL_UNLINK) > file);
	for (int i = 0; i < 20; i++) { /* numbers that were used, and are not */
		later = inotify_add_watch(fd, directory, IN_ATTRIB);
		CHECK(!inotify_rm_watch(fd, later));
	}
	CHECK(read(fd, buffer, sizeof buffer) > 0); /* IN_IGNORED */
	if (!strcmp(variant, "unread"))
		close(open(path("watched-file"), O_RDONLY));
	if (!strcmp(variant, "deleted")) { /* which is there as long as it is open */
		file = open(path("held"), O_RDWR | O_CREAT, 0644);
		CHECK(inotify_add_watch(fd, path("held"), IN_MODIFY) > 0);
		unlink(path("held"));
	}
	shown(before, sizeof before);
	ready();
	if (!strcmp(variant, "unread") || !strcmp(variant, "deleted"))
		return passed();
	shown(after, sizeof after);
	CHECK(!strcmp(before, after));
	CHECK(read(fd, buffer, sizeof buffer) < 0 && errno == EAGAIN);
	close(open(path("watched/new"), O_CREAT | O_WRONLY, 0644));
	EQUAL(read(fd, buffer, sizeof buffer) > 0, 1);
	e = (void *)buffer;
	EQUAL(e->wd, directory_watch);
	EQUAL(e->mask, IN_CREATE);
	CHECK(!strcmp(e->name, "new"));
	close(open(path("watched-file"), O_RDONLY));
	CHECK(read(fd, buffer, sizeof buffer) > 0);
	EQUAL(e->wd, file);
	EQUAL(e->mask, IN_OPEN);
	last = inotify_add_watch(fd, directory, IN_ATTRIB);
	if (last <= later)
		failed("watch descriptor %d was used before, up to %d", last, later);
	return passed();
}
