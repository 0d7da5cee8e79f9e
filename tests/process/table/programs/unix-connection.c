/* A connection between two unix sockets of the process, made by accept(2). */
#include "stage.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX}, peer;
	socklen_t length = sizeof peer;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), server;
	char b[8];

	strncpy(a.sun_path, path("socket"), sizeof a.sun_path - 1);
	CHECK(!bind(listener, (void *)&a, sizeof a) && !listen(listener, 5));
	CHECK(!connect(client, (void *)&a, sizeof a));
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
	EQUAL(write(client, "hello", 5), 5);
	ready();
	EQUAL(read(server, b, sizeof b), 5);
	EQUAL(write(server, "there", 5), 5);
	EQUAL(read(client, b, sizeof b), 5);
	if (!strcmp(variant, "addresses")) {
		CHECK(!getpeername(client, (void *)&peer, &length));
		CHECK(!strcmp(peer.sun_path, a.sun_path));
	}
	return passed();
}
