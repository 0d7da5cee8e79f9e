/*
 * Connections that wait at a unix socket: of the process itself, which has closed
 * its direction of one, and of a child. They are accepted in order.
 */
#include "family.h"
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un name = {.sun_family = AF_UNIX};
static socklen_t length = sizeof name;
static int type = SOCK_STREAM;

static int is(const char *what) { return !strcmp(variant, what); }

static int connected(void)
{
	int fd = socket(AF_UNIX, type, 0);

	CHECK(fd >= 0 && !connect(fd, (void *)&name, length));
	return fd;
}

/* hears receives a message of one character. */
static void hears(int fd, char number)
{
	char b[2];

	EQUAL(recv(fd, b, sizeof b, 0), 1);
	EQUAL(b[0], number);
}

int main(void)
{
	int listener, client[2], server[3], set = epoll_create1(0), status;
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT};
	struct ucred who;
	socklen_t size = sizeof who;
	pid_t child;
	char b;

	if (is("packet"))
		type = SOCK_SEQPACKET;
	if (is("abstract")) {
		length = offsetof(struct sockaddr_un, sun_path) + snprintf(name.sun_path + 1, 80, "waiting-%d", getpid()) + 1;
	} else if (is("relative")) {
		CHECK(!chdir(directory));
		strcpy(name.sun_path, "socket");
	} else {
		strncpy(name.sun_path, path("socket"), sizeof name.sun_path - 1);
	}
	listener = socket(AF_UNIX, type, 0);
	CHECK(!bind(listener, (void *)&name, length) && !listen(listener, is("full") ? 2 : 9));
	client[0] = connected();
	if (!(child = born())) {
		close(client[0]);
		close(listener);
		client[0] = connected();
		write_file("connected", "");
		await_go();
		EQUAL(send(client[0], "2", 1, 0), 1);
		hears(client[0], 'b');
		_exit(0);
	}
	while (access(path("connected"), F_OK))
		pause_ms(2);
	client[1] = connected();
	CHECK(!shutdown(client[1], SHUT_WR));
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, listener, &e));
	EQUAL(epoll_wait(set, &e, 1, 0), 1);
	if (is("path-gone"))
		CHECK(!unlink(name.sun_path));
	if (is("sent"))
		EQUAL(send(client[0], "1", 1, 0), 1);
	if (is("closed"))
		close(connected());
	ready();
	EQUAL(epoll_wait(set, &e, 1, 0), 0); /* it has been told of them */
	if (is("path-gone"))
		CHECK(access(name.sun_path, F_OK) && errno == ENOENT);
	for (int i = 0; i < 3; i++) {
		EQUAL(poll(&(struct pollfd){listener, POLLIN}, 1, 0), 1);
		CHECK((server[i] = accept(listener, NULL, NULL)) >= 0);
		CHECK(!getsockopt(server[i], SOL_SOCKET, SO_PEERCRED, &who, &size));
		EQUAL(who.pid, i == 1 ? child : getpid());
		EQUAL(who.uid, geteuid());
	}
	if (is("closed"))
		CHECK(accept(listener, NULL, NULL) >= 0);
	EQUAL(poll(&(struct pollfd){listener, POLLIN}, 1, 0), 0);
	if (!is("sent"))
		EQUAL(send(client[0], "1", 1, 0), 1);
	hears(server[0], '1');
	EQUAL(send(server[0], "a", 1, 0), 1);
	hears(client[0], 'a');
	hears(server[1], '2');
	EQUAL(send(server[1], "b", 1, 0), 1);
	EQUAL(recv(server[2], &b, 1, 0), 0);
	EQUAL(send(server[2], "c", 1, 0), 1);
	hears(client[1], 'c');
	EQUAL(fcntl(client[0], F_GETFL) & O_NONBLOCK, 0);
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
	return passed();
}
