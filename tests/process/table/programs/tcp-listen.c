/* TCP sockets that listen, over IPv4 and IPv6, and one that is not connected. */
#include "stage.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static struct sockaddr_storage name_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t length = sizeof a;

	CHECK(!getsockname(fd, (void *)&a, &length));
	return a;
}

static void talk(int listener, struct sockaddr_storage *a)
{
	int client = socket(a->ss_family, SOCK_STREAM, 0), server;
	char b[8];

	CHECK(!connect(client, (void *)a, sizeof *a));
	CHECK(!fcntl(listener, F_SETFL, 0));
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
	EQUAL(write(server, "hello", 5), 5);
	EQUAL(read(client, b, sizeof b), 5);
	close(client), close(server);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof value;

	CHECK(!getsockopt(fd, level, name, &value, &length));
	return value;
}

int main(void)
{
	int six = !strcmp(variant, "ipv6"), family = six ? AF_INET6 : AF_INET, yes = 1;
	int listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), plain = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_storage before, after;

	if (listener < 0)
		unable("no IPv6 here");
	CHECK(!setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes));
	CHECK(!setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes));
	CHECK(!setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
	if (six)
		CHECK(!setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes));
	if (bind(listener, six ? (void *)&v6 : (void *)&v4, six ? sizeof v6 : sizeof v4)) {
		if (errno == EADDRNOTAVAIL)
			unable("no such loopback address here");
		failed("bind: %s", strerror(errno));
	}
	if (!strcmp(variant, "signed")) { /* nobody of whom there is anything here */
		struct sockaddr_in other = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
		struct tcp_md5sig key = {.tcpm_keylen = 6, .tcpm_key = "secret"};

		memcpy(&key.tcpm_addr, &other, sizeof other);
		if (setsockopt(listener, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key))
			unable("this kernel has no TCP_MD5SIG");
	}
	CHECK(!listen(listener, 17));
	before = name_of(listener);
	ready();
	after = name_of(listener);
	CHECK(!memcmp(&before, &after, six ? sizeof v6 : sizeof v4));
	CHECK(fcntl(listener, F_GETFL) & O_NONBLOCK);
	EQUAL(option(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
	EQUAL(option(listener, SOL_SOCKET, SO_REUSEADDR), 1);
	EQUAL(option(listener, SOL_SOCKET, SO_KEEPALIVE), 1);
	EQUAL(option(listener, IPPROTO_TCP, TCP_NODELAY), 1);
	if (six)
		EQUAL(option(listener, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	CHECK(accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
	talk(listener, &after);
	CHECK(!connect(plain, (void *)&after, sizeof after));
	return passed();
}
