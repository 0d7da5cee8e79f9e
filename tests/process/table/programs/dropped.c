/*
 * Descriptor 100 is something that no image holds, 101 a duplicate of a file
 * that is kept; both are left out on demand.
 */
#include "orphan.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* connected returns one end of a connection whose other end an echo has. */
static int connected(int family)
{
	struct sockaddr_in6 a = {.sin6_family = family, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t length = sizeof a;
	int listener = socket(family, SOCK_STREAM, 0), client, fd;
	char b[8];
	ssize_t n;

	if (family == AF_INET)
		*(struct sockaddr_in *)&a = (struct sockaddr_in){.sin_family = family, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (listener < 0 || bind(listener, (void *)&a, length) || listen(listener, 1))
		unable(variant);
	CHECK(!getsockname(listener, (void *)&a, &length));
	if (orphan()) {
		client = socket(family, SOCK_STREAM, 0);
		close_others(client);
		CHECK(!connect(client, (void *)&a, length));
		while ((n = read(client, b, sizeof b)) > 0)
			CHECK(write(client, b, n) == n);
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	close(listener);
	return fd;
}

static int strange(void)
{
	int ends[2];

	if (!strcmp(variant, "tcp"))
		return connected(AF_INET);
	if (!strcmp(variant, "tcp6"))
		return connected(AF_INET6);
	if (!strcmp(variant, "pidfd"))
		return syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(!pipe(ends));
	if (orphan()) {
		close(ends[0]);
		for (;;)
			pause_ms(1000);
	}
	close(ends[1]);
	return ends[0];
}

int main(void)
{
	int fd = strange(), file = open(path("file"), O_RDWR | O_CREAT, 0644), yes = 1;
	struct stat st;
	char b[8];

	if (fd < 0)
		unable(variant);
	signal(SIGPIPE, SIG_IGN);
	EQUAL(write(file, "kept", 4), 4);
	EQUAL(dup2(fd, 100), 100);
	EQUAL(dup2(file, 101), 101);
	close(fd);
	ready();
	EQUAL(pread(file, b, 8, 0), 4);
	if (!resumed()) {
		CHECK(fcntl(100, F_GETFD) >= 0);
		EQUAL(pread(101, b, 8, 0), 4);
		return passed();
	}
	EQUAL(read(101, b, 8), 0);
	CHECK(write(101, b, 1) < 0 && errno == EPIPE);
	CHECK(!fstat(100, &st));
	if (!strncmp(variant, "tcp", 3)) {
		CHECK(read(100, b, 8) < 0 && errno == ECONNRESET);
		CHECK(!setsockopt(100, IPPROTO_TCP, 1 /* TCP_NODELAY */, &yes, sizeof yes));
		CHECK(!strcmp(variant, "tcp") || !setsockopt(100, IPPROTO_IPV6, IPV6_TCLASS, &yes, sizeof yes));
		return passed();
	}
	EQUAL(read(100, b, 8), 0);
	if (!strcmp(variant, "pipe"))
		CHECK(S_ISFIFO(st.st_mode));
	return passed();
}
