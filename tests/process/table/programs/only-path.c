/* O_PATH references to what cannot be opened, or is not followed: the variant says what. */
#include "stage.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat before, after;
	int fd, flags = O_PATH | O_NOFOLLOW, ends[2], get;
	char b[512] = "", link[64];

	if (!strcmp(variant, "symlink")) {
		CHECK(!symlink("nowhere", path("link")));
		fd = open(path("link"), flags | O_CLOEXEC);
	} else if (!strcmp(variant, "socket")) {
		strncpy(a.sun_path, path("socket"), sizeof a.sun_path - 1);
		CHECK(!bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
		fd = open(a.sun_path, flags);
	} else if (!strcmp(variant, "fifo")) {
		CHECK(!mkfifo(path("fifo"), 0600));
		fd = open(path("fifo"), flags);
	} else if (!strcmp(variant, "device")) {
		fd = open("/dev/null", flags);
	} else if (!strcmp(variant, "directory")) {
		fd = open(directory, flags | O_DIRECTORY);
	} else if (!strcmp(variant, "deleted")) {
		close(open(path("gone"), O_CREAT, 0600));
		fd = open(path("gone"), flags);
		unlink(path("gone"));
	} else { /* a pipe has no path */
		CHECK(!pipe(ends));
		snprintf(link, sizeof link, "/proc/self/fd/%d", ends[0]);
		fd = open(link, O_PATH);
	}
	CHECK(fd >= 0 && !fstat(fd, &before));
	get = fcntl(fd, F_GETFL);
	ready();
	CHECK(!fstat(fd, &after));
	EQUAL(after.st_mode, before.st_mode);
	EQUAL(after.st_rdev, before.st_rdev);
	EQUAL(fcntl(fd, F_GETFL), get);
	if (!strcmp(variant, "symlink")) {
		EQUAL(readlinkat(fd, "", b, sizeof b), 7);
		CHECK(!strcmp(b, "nowhere"));
		EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
	if (strcmp(variant, "socket"))
		EQUAL(after.st_ino, before.st_ino);
	return passed();
}
