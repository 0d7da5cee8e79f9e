/* Unix sockets of the process and another process: that one is connected to a
 * listener, or receives datagrams, as syslog does. */
#include "orphan.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int datagrams = strcmp(variant, "accept"), fd = socket(AF_UNIX, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0), other;
	char b[8];
	ssize_t n;

	strncpy(a.sun_path, path("socket"), sizeof a.sun_path - 1);
	if (!datagrams)
		CHECK(!bind(fd, (void *)&a, sizeof a) && !listen(fd, 5));
	if (orphan()) {
		other = socket(AF_UNIX, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
		close_others(other);
		CHECK(!(datagrams ? bind : connect)(other, (void *)&a, sizeof a));
		write_file("connected", "");
		while ((n = read(other, b, 5)) > 0) {
			b[n] = 0;
			write_file("received", b);
		}
		_exit(0);
	}
	while (access(path("connected"), F_OK))
		pause_ms(2);
	if (datagrams)
		CHECK(!connect(fd, (void *)&a, sizeof a));
	ready();
	if (!datagrams) {
		CHECK(accept(fd, NULL, NULL) >= 0);
		return passed();
	}
	EQUAL(send(fd, "hello", 5, 0), 5);
	for (int i = 0; i < 1000 && access(path("received"), F_OK); i++)
		pause_ms(2);
	CHECK(!access(path("received"), F_OK));
	return passed();
}
