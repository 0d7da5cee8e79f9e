/* An established TCP connection; where it is dropped by force, both ends read what is left of it. */
#include "orphan.h"
#include <netinet/in.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd, client;
	char b[8];
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(variant, "exclusive"))
		CHECK(!setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	CHECK(!bind(listener, (void *)&a, sizeof a) && !listen(listener, 5));
	CHECK(!getsockname(listener, (void *)&a, &length));
	if (orphan()) { /* echoes one word */
		client = socket(AF_INET, SOCK_STREAM, 0);
		close_others(client);
		CHECK(!connect(client, (void *)&a, sizeof a));
		while ((n = read(client, b, sizeof b)) > 0)
			CHECK(write(client, b, n) == n);
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	ready();
	if (resumed()) {
		n = read(fd, b, sizeof b);
		int error = n < 0 ? errno : 0;
		CHECK(n == 0 || error == ECONNRESET);
		CHECK(write(fd, "hello", 5) < 0 && (errno == EPIPE || errno == ECONNRESET));
		client = socket(AF_INET, SOCK_STREAM, 0); /* the listener is back */
		CHECK(!connect(client, (void *)&a, sizeof a));
		CHECK(accept(listener, NULL, NULL) >= 0);
		return passed();
	}
	EQUAL(write(fd, "hello", 5), 5);
	EQUAL(read(fd, b, sizeof b), 5);
	return passed();
}
