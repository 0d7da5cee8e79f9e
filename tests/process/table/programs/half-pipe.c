/* Pipes of which one end is closed: unread content, then end of file; a reader that is gone. */
#include "stage.h"

int main(void)
{
	int closed[2], broken[2];
	char b[16];

	signal(SIGPIPE, SIG_IGN);
	CHECK(!pipe(closed) && !pipe(broken));
	EQUAL(write(closed[1], "last words", 10), 10);
	close(closed[1]);
	close(broken[0]);
	ready();
	EQUAL(read(closed[0], b, sizeof b), 10);
	EQUAL(read(closed[0], b, sizeof b), 0);
	CHECK(write(broken[1], "x", 1) < 0 && errno == EPIPE);
	return passed();
}
