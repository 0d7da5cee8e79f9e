/* What waits in TCP and UDP sockets: the variant says which. */
#include "orphan.h"
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static struct sockaddr_in to = {.sin_family = AF_INET};

static int bound(int type)
{
	socklen_t length = sizeof to;
	int fd = socket(AF_INET, type, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	CHECK(!bind(fd, (void *)&to, sizeof to) && !getsockname(fd, (void *)&to, &length));
	return fd;
}

/* dead returns a connection that the other end has reset. */
static int dead(const char *last_words)
{
	int listener = bound(SOCK_STREAM), fd = socket(AF_INET, SOCK_STREAM, 0), other;
	struct linger reset = {1, 0};

	CHECK(!listen(listener, 1) && !connect(fd, (void *)&to, sizeof to));
	other = accept(listener, NULL, NULL);
	EQUAL(send(other, last_words, strlen(last_words), 0), strlen(last_words));
	if (!*last_words)
		CHECK(!setsockopt(other, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
	close(other), close(listener);
	if (*last_words) { /* reset by what arrives where nobody is */
		pause_ms(20);
		EQUAL(send(fd, "x", 1, 0), 1);
	}
	CHECK(poll(&(struct pollfd){fd, POLLIN}, 1, 5000) == 1);
	pause_ms(50);
	return fd;
}

int main(void)
{
	int fd = -1, other = socket(AF_INET, SOCK_DGRAM, 0), error;
	socklen_t length = sizeof error;
	char b[8];

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(variant, "datagram") || !strcmp(variant, "empty-datagram")) {
		fd = bound(SOCK_DGRAM);
		EQUAL(sendto(other, "x", strcmp(variant, "datagram") ? 0 : 1, 0, (void *)&to, sizeof to), strcmp(variant, "datagram") ? 0 : 1);
		ready();
		EQUAL(recv(fd, b, sizeof b, MSG_DONTWAIT), strcmp(variant, "datagram") ? 0 : 1);
	} else if (!strcmp(variant, "error")) {
		close(bound(SOCK_DGRAM));
		CHECK(!connect(other, (void *)&to, sizeof to));
		EQUAL(send(other, "x", 1, 0), 1); /* nobody is there: ICMP says so */
		ready();
		CHECK(recv(other, b, sizeof b, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED);
	} else if (!strcmp(variant, "corked")) {
		fd = bound(SOCK_DGRAM);
		CHECK(!connect(other, (void *)&to, sizeof to) && !setsockopt(other, IPPROTO_UDP, 1 /* UDP_CORK */, &(int){1}, sizeof(int)));
		EQUAL(send(other, "x", 1, 0), 1);
		ready();
		CHECK(!setsockopt(other, IPPROTO_UDP, 1, &(int){0}, sizeof(int)));
		EQUAL(recv(fd, b, sizeof b, 0), 1);
	} else if (!strcmp(variant, "accept")) {
		fd = bound(SOCK_STREAM);
		CHECK(!listen(fd, 5));
		if (orphan()) {
			other = socket(AF_INET, SOCK_STREAM, 0);
			close_others(other);
			CHECK(!connect(other, (void *)&to, sizeof to));
			write_file("connected", "");
			read(other, b, 1);
			_exit(0);
		}
		while (access(path("connected"), F_OK))
			pause_ms(2);
		ready();
		CHECK(accept(fd, NULL, NULL) >= 0);
	} else if (!strcmp(variant, "failed")) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		close(bound(SOCK_STREAM));
		CHECK(connect(fd, (void *)&to, sizeof to) < 0 && (errno == EINPROGRESS || errno == ECONNREFUSED));
		if (errno == ECONNREFUSED) { /* at once, over loopback: then it is told already */
			write_file("ready", "");
			unable("a connection that fails later");
		}
		CHECK(poll(&(struct pollfd){fd, POLLOUT}, 1, 5000) == 1);
		ready();
		CHECK(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
		EQUAL(error, ECONNREFUSED);
	} else if (!strcmp(variant, "last-words")) {
		fd = dead("last words");
		CHECK(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
		ready();
		EQUAL(recv(fd, b, sizeof b, MSG_DONTWAIT), 8);
	} else if (!strcmp(variant, "dead")) {
		fd = dead("");
		CHECK(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
		EQUAL(error, ECONNRESET);
		ready();
		EQUAL(recv(fd, b, sizeof b, MSG_DONTWAIT), 0); /* a new socket would say ENOTCONN */
		CHECK(send(fd, b, 1, 0) < 0 && errno == EPIPE);
	}
	return passed();
}
