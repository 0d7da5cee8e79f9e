/* Regular files: offset, flags, append mode, one open twice. */
#include "stage.h"

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644), append, other;
	char b[8];

	EQUAL(write(fd, "0123456789", 10), 10);
	EQUAL(lseek(fd, 4, SEEK_SET), 4);
	append = open(path("log"), O_WRONLY | O_CREAT | O_APPEND | O_DSYNC | O_CLOEXEC, 0600);
	EQUAL(write(append, "before\n", 7), 7);
	other = open(path("file"), O_RDONLY | O_NOATIME);
	EQUAL(lseek(other, 8, SEEK_SET), 8);
	ready();
	EQUAL(read(fd, b, 3), 3);
	CHECK(!memcmp(b, "456", 3));
	EQUAL(read(other, b, 8), 2);
	CHECK(fcntl(other, F_GETFL) & O_NOATIME);
	EQUAL(fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND | O_DSYNC), O_WRONLY | O_APPEND | O_DSYNC);
	EQUAL(fcntl(append, F_GETFD), FD_CLOEXEC);
	EQUAL(write(append, "after\n", 6), 6);
	EQUAL(lseek(append, 0, SEEK_CUR), 13);
	return passed();
}
