/*
 * A connected socket without anybody at the other end: that is closed. What was
 * sent before is read.
 */
#include "stage.h"
#include <sys/socket.h>

int main(void)
{
	int type = !strcmp(variant, "packet") ? SOCK_SEQPACKET : SOCK_STREAM, pair[2];
	char b[16];

	signal(SIGPIPE, SIG_IGN);
	CHECK(!socketpair(AF_UNIX, type, 0, pair));
	EQUAL(send(pair[1], "last words", 10, 0), 10);
	close(pair[1]);
	ready();
	EQUAL(recv(pair[0], b, sizeof b, 0), 10);
	EQUAL(recv(pair[0], b, sizeof b, 0), 0);
	CHECK(send(pair[0], "x", 1, 0) < 0 && errno == EPIPE);
	return passed();
}
