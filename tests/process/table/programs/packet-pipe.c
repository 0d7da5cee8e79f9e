/* A pipe of packets (O_DIRECT), of which some are unread: each is read by itself. */
#include "stage.h"

int main(void)
{
	int fds[2];
	char b[16];

	CHECK(!pipe2(fds, O_DIRECT));
	EQUAL(write(fds[1], "one", 3), 3);
	EQUAL(write(fds[1], "three", 5), 5);
	ready();
	CHECK(fcntl(fds[1], F_GETFL) & O_DIRECT);
	EQUAL(read(fds[0], b, sizeof b), 3);
	EQUAL(read(fds[0], b, sizeof b), 5);
	return passed();
}
