/* A regular file, opened as the variant says, that something happens to before the resume. */
#include "stage.h"

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644);
	char b[8];

	EQUAL(write(fd, "0123456789", 10), 10);
	ready();
	EQUAL(pread(fd, b, 8, 0), 8);
	CHECK(!memcmp(b, "01234567", 8));
	return passed();
}
