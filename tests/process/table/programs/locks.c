/* File locks: flock(2), those of the process, those of the open file. */
#include "stage.h"
#include <sys/file.h>

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644), probe;
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 50};

	CHECK(!ftruncate(fd, 1000));
	if (!strcmp(variant, "flock"))
		CHECK(!flock(fd, LOCK_EX));
	else
		CHECK(!fcntl(fd, !strcmp(variant, "open-file") ? F_OFD_SETLK : F_SETLK, &l));
	ready();
	probe = open(path("file"), O_RDWR);
	if (!strcmp(variant, "flock")) {
		CHECK(flock(probe, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK);
		return passed();
	}
	/* Seen from another open file, either kind of lock is in the way. */
	l.l_pid = 0;
	CHECK(!fcntl(probe, F_OFD_GETLK, &l));
	EQUAL(l.l_type, F_WRLCK);
	EQUAL(l.l_start, 100);
	EQUAL(l.l_len, 50);
	return passed();
}
