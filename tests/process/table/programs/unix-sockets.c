/* Unix sockets that listen, are bound, or are not: in the filesystem and abstract. */
#include "stage.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *name, socklen_t *length)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strncpy(a.sun_path + (*name != '/'), name, sizeof a.sun_path - 2);
	*length = *name == '/' ? sizeof a : 3 + strlen(name);
	return a;
}

static int bound(int type, const char *name, int backlog)
{
	socklen_t length;
	struct sockaddr_un a = address(name, &length);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	CHECK(!bind(fd, (void *)&a, length));
	if (backlog)
		CHECK(!listen(fd, backlog));
	return fd;
}

static void talk(int listener, const char *name)
{
	socklen_t length;
	struct sockaddr_un a = address(name, &length);
	int client = socket(AF_UNIX, SOCK_STREAM, 0), server;
	char b[8];

	CHECK(!connect(client, (void *)&a, length));
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
	EQUAL(write(client, "hello", 5), 5);
	EQUAL(read(server, b, sizeof b), 5);
	close(client), close(server);
}

int main(void)
{
	char abstract[64];
	const char *named = strdup(path("listener")), *datagram = strdup(path("datagram"));
	int plain = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), one, two, three, sender;
	socklen_t length;
	struct sockaddr_un a;
	struct stat st;
	char b[8];

	snprintf(abstract, sizeof abstract, "snappipe-%d-%ld", getpid(), (long)now(CLOCK_REALTIME));
	umask(077);
	one = bound(SOCK_STREAM, named, 5);
	umask(022);
	two = bound(SOCK_STREAM, abstract, 3);
	three = bound(SOCK_DGRAM, datagram, 0);
	ready();
	talk(one, named);
	talk(two, abstract);
	CHECK(!stat(named, &st));
	EQUAL(st.st_mode & 0777, 0700);
	sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	a = address(datagram, &length);
	EQUAL(sendto(sender, "hi", 2, 0, (void *)&a, length), 2);
	EQUAL(recv(three, b, sizeof b, 0), 2);
	CHECK(fcntl(plain, F_GETFL) & O_NONBLOCK);
	a = address(named, &length);
	CHECK(!connect(plain, (void *)&a, length));
	return passed();
}
