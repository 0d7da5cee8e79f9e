/* A deleted file that holds more than an image keeps. */
#include "stage.h"

int main(void)
{
	int fd = open(path("gone"), O_RDWR | O_CREAT, 0600);

	CHECK(!ftruncate(fd, 3LL << 30));
	CHECK(!unlink(path("gone")));
	ready();
	EQUAL(lseek(fd, 0, SEEK_END), 3LL << 30);
	return passed();
}
