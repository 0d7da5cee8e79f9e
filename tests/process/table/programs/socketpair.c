/* Socket pairs within the process: streams, datagrams, packets, with content. */
#include "stage.h"
#include <sys/socket.h>

int main(void)
{
	int type = !strcmp(variant, "datagram") ? SOCK_DGRAM : !strcmp(variant, "packet") ? SOCK_SEQPACKET : SOCK_STREAM;
	int pair[2], half[2], size = 0;
	socklen_t length = sizeof size;
	char b[100];

	signal(SIGPIPE, SIG_IGN);
	CHECK(!socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair) && !socketpair(AF_UNIX, type, 0, half));
	CHECK(!setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &(int){30000}, sizeof(int)));
	EQUAL(send(pair[0], "one", 3, 0), 3);
	EQUAL(send(pair[0], "three", 5, 0), 5);
	EQUAL(send(pair[1], "back", 4, 0), 4);
	if (type == SOCK_STREAM)
		CHECK(!shutdown(half[0], SHUT_WR));
	ready();
	if (type == SOCK_STREAM) {
		EQUAL(recv(pair[1], b, sizeof b, 0), 8);
		CHECK(!memcmp(b, "onethree", 8));
		EQUAL(recv(half[1], b, sizeof b, 0), 0);
		CHECK(send(half[0], "x", 1, 0) < 0 && errno == EPIPE);
	} else {
		EQUAL(recv(pair[1], b, sizeof b, 0), 3);
		EQUAL(recv(pair[1], b, sizeof b, 0), 5);
		CHECK(!memcmp(b, "three", 5));
	}
	EQUAL(recv(pair[0], b, sizeof b, 0), 4);
	CHECK(!memcmp(b, "back", 4));
	CHECK(recv(pair[0], b, sizeof b, 0) < 0 && errno == EAGAIN);
	EQUAL(send(pair[1], "more", 4, 0), 4);
	EQUAL(recv(pair[0], b, sizeof b, 0), 4);
	EQUAL(send(half[1], "half", 4, 0), 4);
	EQUAL(recv(half[0], b, sizeof b, 0), 4);
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &size, &length));
	EQUAL(size, 60000); /* the kernel doubles it: socket(7) */
	return passed();
}
