/* A pipe, FIFO or socket pair of which the program has both ends, and another process too. */
#include "orphan.h"
#include <sys/socket.h>

int main(void)
{
	int pair[2];

	if (!strcmp(variant, "fifo")) {
		CHECK(!mkfifo(path("fifo"), 0600));
		pair[0] = open(path("fifo"), O_RDONLY | O_NONBLOCK);
		pair[1] = open(path("fifo"), O_WRONLY);
		CHECK(pair[0] >= 0 && pair[1] >= 0);
	} else {
		CHECK(!(strcmp(variant, "pipe") ? socketpair(AF_UNIX, SOCK_STREAM, 0, pair) : pipe(pair)));
	}
	if (orphan()) {
		write_file("forked", "");
		for (;;)
			pause_ms(1000);
	}
	return both_have_it(pair[0], pair[1]);
}
