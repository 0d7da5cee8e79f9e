/* A pipe or socket pair of which the program has both ends, and another process too. */
#include "orphan.h"
#include <sys/socket.h>

int main(void)
{
	int pair[2];
	char b[8];

	CHECK(!(strcmp(variant, "pipe") ? socketpair(AF_UNIX, SOCK_STREAM, 0, pair) : pipe(pair)));
	if (orphan()) {
		write_file("forked", "");
		for (;;)
			pause_ms(1000);
	}
	while (access(path("forked"), F_OK))
		pause_ms(2);
	signal(SIGPIPE, SIG_IGN);
	ready();
	if (resumed()) {
		EQUAL(read(pair[0], b, 1), 0);
		CHECK(write(pair[1], "x", 1) < 0 && errno == EPIPE);
		return passed();
	}
	EQUAL(write(pair[1], "x", 1), 1);
	EQUAL(read(pair[0], b, 1), 1);
	return passed();
}
