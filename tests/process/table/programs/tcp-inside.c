/* A TCP connection of which the program has both ends. The variant says over what, and what waits in it. */
#include "family.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int is(const char *what) { return !!strstr(variant, what); }

static struct sockaddr_storage at[2][2]; /* of client and server: the own address, the other's */

static void addresses(int fd, struct sockaddr_storage a[2])
{
	socklen_t length = sizeof *a;

	memset(a, 0, 2 * sizeof *a);
	CHECK(!getsockname(fd, (void *)&a[0], &length));
	length = sizeof *a;
	CHECK(!getpeername(fd, (void *)&a[1], &length));
}

static int listening(struct sockaddr_storage *to, socklen_t *length)
{
	int family = is("ipv6") || is("mapped") ? AF_INET6 : AF_INET, fd = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	if (is("mapped"))
		six.sin6_addr = in6addr_any;
	if (is("reuse"))
		CHECK(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	if (family == AF_INET6)
		memcpy(to, &six, *length = sizeof six);
	else
		memcpy(to, &four, *length = sizeof four);
	CHECK(!bind(fd, (void *)to, *length) && !getsockname(fd, (void *)to, length) && !listen(fd, 5));
	if (is("mapped")) {
		four.sin_port = ((struct sockaddr_in6 *)to)->sin6_port;
		memcpy(to, &four, *length = sizeof four);
	}
	return fd;
}

/* numbers sends or checks so many bytes, each of which follows from the one before. */
static void send_numbers(int fd, unsigned from, size_t n)
{
	unsigned char b[1000];

	for (size_t sent = 0, some; sent < n; sent += some) {
		some = n - sent < sizeof b ? n - sent : sizeof b;
		for (size_t i = 0; i < some; i++)
			b[i] = (from + sent + i) % 251;
		EQUAL(send(fd, b, some, MSG_NOSIGNAL), some);
	}
}

static void check_numbers(int fd, unsigned from, size_t n)
{
	unsigned char b[1000];

	for (size_t got = 0; got < n;) {
		ssize_t some = recv(fd, b, n - got < sizeof b ? n - got : sizeof b, 0);

		CHECK(some > 0);
		for (ssize_t i = 0; i < some; i++)
			EQUAL(b[i], (from + got + i) % 251);
		got += some;
	}
}

static size_t fill(int fd)
{
	size_t n = 0;
	ssize_t some;
	unsigned char b[1000];

	do {
		for (size_t i = 0; i < sizeof b; i++)
			b[i] = (n + i) % 251;
		some = send(fd, b, sizeof b, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (some > 0)
			n += some;
	} while (some > 0 || poll(&(struct pollfd){fd, POLLOUT}, 1, 100) == 1);
	return n;
}

static int waiting(int fd)
{
	int n;

	CHECK(!ioctl(fd, FIONREAD, &n));
	return n;
}

/* traffic has a child send back all that it gets, without an end. */
static int traffic(int client, int server)
{
	uint64_t sent = 0, got = 0, b[512];
	pid_t child = born();

	if (!child) {
		char c[4096];
		ssize_t n;

		close(client);
		while ((n = recv(server, c, sizeof c, 0)) > 0)
			for (ssize_t done = 0, some; done < n; done += some)
				if ((some = send(server, c + done, n - done, MSG_NOSIGNAL)) < 0)
					_exit(1);
		_exit(n < 0);
	}
	close(server);
	say_ready();
	for (int more = 1; more || got < sent;) {
		struct pollfd p = {client, POLLIN | (more && sent - got < 20000 ? POLLOUT : 0)};

		CHECK(poll(&p, 1, 10000) == 1);
		if (p.revents & POLLIN) {
			size_t n = 0;

			do {
				ssize_t some = recv(client, (char *)b + n, sizeof b - n, n % 8 ? 0 : MSG_DONTWAIT);

				CHECK(some > 0);
				n += some;
			} while (n % 8);
			for (size_t i = 0; i < n / 8; i++)
				EQUAL(b[i], ++got);
		}
		if (p.revents & POLLOUT) {
			for (int i = 0; i < 64; i++)
				b[i] = ++sent;
			EQUAL(send(client, b, 512, MSG_NOSIGNAL), 512);
		}
		if (more && !access(path("go"), F_OK))
			more = 0;
	}
	shutdown(client, SHUT_WR);
	int status;
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
	return passed();
}

/* unaccepted has two clients wait, of which one has closed its direction. */
static int unaccepted(int listener, struct sockaddr_storage *to, socklen_t length)
{
	int client[2], server;
	char b[1];
	struct sockaddr_storage now[2];

	for (int i = 0; i < 2; i++) {
		client[i] = socket(to->ss_family, SOCK_STREAM, 0);
		CHECK(!connect(client[i], (void *)to, length));
		addresses(client[i], at[i]);
	}
	CHECK(!shutdown(client[1], SHUT_WR));
	if (is("content"))
		send_numbers(client[0], 0, 10);
	pause_ms(20);
	ready();
	for (int i = 0; i < 2; i++) {
		CHECK((server = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		addresses(server, now);
		int n = memcmp(&now[1], &at[0][0], sizeof *now) ? 1 : 0;
		CHECK(!memcmp(&now[1], &at[n][0], sizeof *now) && !memcmp(&now[0], &at[n][1], sizeof *now));
		CHECK(fcntl(server, F_SETFL, 0) == 0);
		send_numbers(server, 3, 2000), check_numbers(client[n], 3, 2000);
		if (n == 1)
			EQUAL(recv(server, b, 1, 0), 0);
		else if (is("content"))
			check_numbers(server, 0, 10);
		else
			send_numbers(client[n], 4, 3000), check_numbers(server, 4, 3000);
		EQUAL(fcntl(client[n], F_GETFL) & O_NONBLOCK, 0);
	}
	CHECK(poll(&(struct pollfd){listener, POLLIN}, 1, 0) == 0);
	return passed();
}

int main(void)
{
	struct sockaddr_storage to, now[2];
	socklen_t length;
	int listener = listening(&to, &length), client = socket(to.ss_family, SOCK_STREAM, 0), server;
	size_t sent = 5000, answered = 300;
	char b[8];

	signal(SIGPIPE, SIG_IGN);
	if (is("unaccepted"))
		return close(client), unaccepted(listener, &to, length);
	if (is("options"))
		CHECK(!setsockopt(client, SOL_SOCKET, SO_RCVBUF, &(int){50000}, sizeof(int)) &&
		      !setsockopt(client, IPPROTO_TCP, TCP_MAXSEG, &(int){1200}, sizeof(int)));
	CHECK(!connect(client, (void *)&to, length));
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
	if (is("traffic"))
		return traffic(client, server);
	if (is("gone"))
		close(listener);
	if (is("options"))
		CHECK(!setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) &&
		      !setsockopt(server, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)) &&
		      !setsockopt(server, IPPROTO_TCP, TCP_KEEPIDLE, &(int){77}, sizeof(int)) &&
		      !setsockopt(server, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int)) &&
		      !setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){9000}, sizeof(int)));
	addresses(client, at[0]);
	addresses(server, at[1]);
	if (is("full"))
		sent = fill(client);
	else
		send_numbers(client, 0, sent);
	send_numbers(server, 100, answered);
	if (is("half-closed"))
		CHECK(!shutdown(client, SHUT_WR));
	if (is("deaf"))
		CHECK(!shutdown(client, SHUT_RD));
	if (is("urgent"))
		EQUAL(send(client, "!", 1, MSG_OOB), 1);
	pause_ms(is("options") ? 300 : 50);
	int waits = waiting(server);
	pid_t child = is("child") ? born() : -1;
	if (!child) { /* is the client */
		close(server);
		await_go();
		check_numbers(client, 100, answered);
		send_numbers(client, sent, 1000);
		close(client);
		_exit(0);
	}
	if (child > 0)
		close(client);
	ready();
	addresses(server, now);
	CHECK(!memcmp(now, at[1], sizeof now));
	if (child > 0) {
		int status;

		check_numbers(server, 0, sent + 1000);
		EQUAL(recv(server, b, 1, 0), 0);
		EQUAL(waitpid(child, &status, 0), child);
		EQUAL(status, 0);
		return passed();
	}
	addresses(client, now);
	CHECK(!memcmp(now, at[0], sizeof now));
	if (!is("full"))
		EQUAL(waiting(server), waits);
	if (is("options")) {
		int v;

		length = sizeof v;
		CHECK(!getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &v, &length) && v);
		CHECK(!getsockopt(client, SOL_SOCKET, SO_RCVBUF, &v, &length) && v == 100000);
		CHECK(!getsockopt(client, SOL_SOCKET, SO_REUSEADDR, &v, &length) && !v);
		CHECK(!getsockopt(server, SOL_SOCKET, SO_KEEPALIVE, &v, &length) && v);
		CHECK(!getsockopt(server, IPPROTO_TCP, TCP_KEEPIDLE, &v, &length) && v == 77);
		CHECK(!getsockopt(server, IPPROTO_TCP, TCP_CORK, &v, &length) && v == 1);
		CHECK(!getsockopt(server, IPPROTO_TCP, TCP_MAXSEG, &v, &length) && v > 1100 && v <= 1200);
		CHECK(!getsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &v, &length) && v == 9000);
		CHECK(!setsockopt(server, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int)));
	}
	check_numbers(server, 0, sent);
	if (is("half-closed"))
		EQUAL(recv(server, b, 1, 0), 0);
	check_numbers(client, 100, answered);
	if (is("deaf"))
		EQUAL(recv(client, b, 1, 0), 0);
	if (is("half-closed"))
		CHECK(send(client, "x", 1, 0) < 0 && errno == EPIPE);
	else
		send_numbers(client, 7, 100000), check_numbers(server, 7, 100000);
	send_numbers(server, 9, 2000);
	if (!is("deaf"))
		check_numbers(client, 9, 2000);
	if (is("urgent"))
		return passed();
	if (!is("gone")) { /* the listener is there, and nobody at it */
		CHECK(poll(&(struct pollfd){listener, POLLIN}, 1, 0) == 0);
		CHECK(!connect(client = socket(to.ss_family, SOCK_STREAM, 0), (void *)&to, is("ipv6") ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
		CHECK((server = accept(listener, NULL, NULL)) >= 0);
	}
	return passed();
}
