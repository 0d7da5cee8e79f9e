/*
 * A connected socket without anybody at the other end: that is closed, or has
 * not been accepted yet. What was sent before is read.
 */
#include "stage.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void)
{
	int type = !strcmp(variant, "packet") ? SOCK_SEQPACKET : SOCK_STREAM, pair[2], waiting = !strcmp(variant, "waiting");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char b[16];

	signal(SIGPIPE, SIG_IGN);
	if (waiting) {
		strncpy(a.sun_path, path("socket"), sizeof a.sun_path - 1);
		pair[0] = socket(AF_UNIX, type, 0);
		pair[1] = socket(AF_UNIX, type, 0);
		CHECK(!bind(pair[1], (void *)&a, sizeof a) && !listen(pair[1], 5));
		CHECK(!connect(pair[0], (void *)&a, sizeof a));
	} else {
		CHECK(!socketpair(AF_UNIX, type, 0, pair));
		EQUAL(send(pair[1], "last words", 10, 0), 10);
		close(pair[1]);
	}
	ready();
	if (waiting) {
		pair[1] = accept(pair[1], NULL, NULL);
		EQUAL(send(pair[1], "last words", 10, 0), 10);
		close(pair[1]);
	}
	EQUAL(recv(pair[0], b, sizeof b, 0), 10);
	EQUAL(recv(pair[0], b, sizeof b, 0), 0);
	CHECK(send(pair[0], "x", 1, 0) < 0 && errno == EPIPE);
	return passed();
}
