// A program with a socket that holds two messages, of which the first is peeked
// at. Every 10 ms it prints a line: how often, how many disturbances, the last
// one. A disturbance is that peeking goes on elsewhere.
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
	int pair[2], offset = 0, disturbances = 0;
	const char *last = "none";
	socklen_t length = sizeof offset;
	char b[4];

	close_range(3, ~0u, 0);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	send(pair[0], "one", 3, 0);
	send(pair[0], "two", 3, 0);
	setsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
	recv(pair[1], b, sizeof b, MSG_PEEK);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int beat = 1;; beat++) {
		usleep(10000);
		if (getsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &length) != 0 || offset != 3) {
			disturbances++;
			last = "the offset";
		}
		printf("%d %d %s\n", beat, disturbances, last);
	}
}
