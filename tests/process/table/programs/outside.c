/* A pipe or a unix socket whose other end is in another process. */
#include "orphan.h"
#include <sys/socket.h>

int main(void)
{
	int in[2], out[2], pair[2], sockets = !strcmp(variant, "socket"), mine;
	char b[8];
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	if (sockets) {
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		if (orphan()) {
			close_others(pair[1]);
			while ((n = read(pair[1], b, sizeof b)) > 0)
				CHECK(write(pair[1], b, n) == n);
			_exit(0);
		}
		close(pair[1]);
		mine = pair[0];
	} else {
		CHECK(!pipe(in) && !pipe(out));
		if (orphan()) {
			close(in[0]), close(out[1]);
			while ((n = read(out[0], b, sizeof b)) > 0)
				CHECK(write(in[1], b, n) == n);
			_exit(0);
		}
		close(in[1]), close(out[0]);
		mine = in[0];
	}
	ready();
	if (resumed()) {
		n = read(mine, b, sizeof b);
		int error = n < 0 ? errno : 0;
		CHECK(n == 0 || error == ECONNRESET);
		CHECK(write(sockets ? pair[0] : out[1], "x", 1) < 0 && (errno == EPIPE || errno == ECONNRESET));
		return passed();
	}
	EQUAL(write(sockets ? pair[0] : out[1], "hello", 5), 5);
	EQUAL(read(mine, b, sizeof b), 5);
	return passed();
}
