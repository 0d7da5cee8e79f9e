/* A named pipe that the process has open at both ends, with content. */
#include "stage.h"

int main(void)
{
	char b[16];
	int both, out;

	CHECK(!mkfifo(path("named"), 0644));
	both = open(path("named"), O_RDWR);
	out = open(path("named"), O_WRONLY);
	CHECK(both >= 0 && out >= 0);
	EQUAL(write(out, "hello", 5), 5);
	ready();
	EQUAL(read(both, b, sizeof b), 5);
	CHECK(!memcmp(b, "hello", 5));
	EQUAL(write(out, "again", 5), 5);
	EQUAL(read(both, b, sizeof b), 5);
	return passed();
}
