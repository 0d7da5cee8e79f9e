/* inotify: watches by path, with their numbers. */
#include "stage.h"
#include <sys/inotify.h>

int main(void)
{
	int fd = inotify_init1(IN_NONBLOCK), file, directory_watch, gone;
	struct inotify_event *e;
	char buffer[4096] __attribute__((aligned(8)));

	CHECK(fd >= 0);
	CHECK(!mkdir(path("watched"), 0755));
	write_file("watched-file", "");
	gone = inotify_add_watch(fd, directory, IN_ATTRIB);
	directory_watch = inotify_add_watch(fd, path("watched"), IN_CREATE | IN_ONLYDIR);
	CHECK(!inotify_rm_watch(fd, gone)); /* so that the numbers have a gap */
	CHECK(read(fd, buffer, sizeof buffer) > 0); /* IN_IGNORED */
	file = inotify_add_watch(fd, path("watched-file"), IN_OPEN);
	ready();
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
	return passed();
}
