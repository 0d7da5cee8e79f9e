/*
 * A watch that was to tell something once, and did: it is silent whatever
 * happens, until it is changed. The variant is what it watches.
 */
#include "stage.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static int set, fd, other = -1, client = -1;
static sigset_t signals;
static struct sockaddr_storage where;
static socklen_t length = sizeof where;

static void fill(int to)
{
	char block[4096] = "";

	while (send(to, block, 4096, MSG_DONTWAIT) == 4096)
		;
}

/* fire makes what is watched ready, and calm makes it not ready again. */
static void fire(void)
{
	uint64_t one = 1;
	struct itimerspec soon = {.it_value = {0, 1}};
	char block[4096] = "";

	if (!strncmp(variant, "pipe-read", 9))
		EQUAL(write(other, "x", 1), 1);
	else if (!strcmp(variant, "pipe-write"))
		EQUAL(read(other, block, 4096), 4096);
	else if (!strcmp(variant, "timerfd"))
		CHECK(!timerfd_settime(fd, 0, &soon, NULL));
	else if (!strcmp(variant, "signalfd"))
		CHECK(!kill(getpid(), SIGUSR2));
	else if (!strcmp(variant, "inotify"))
		{
		close(open(path("seen/x"), O_CREAT, 0644));
		unlink(path("seen/x"));
	}
	else if (!strcmp(variant, "epoll"))
		EQUAL(write(other, &one, 8), 8);
	else if (!strcmp(variant, "eventfd"))
		EQUAL(write(fd, &one, 8), 8);
	else if (!strcmp(variant, "socket"))
		while (recv(other, block, 4096, MSG_DONTWAIT) == 4096)
			; /* to have room again takes more than one */
	else {
		client = socket(where.ss_family, SOCK_STREAM, 0);
		CHECK(!connect(client, (void *)&where, length));
	}
}

static void calm(void)
{
	char b[4096] = "";
	uint64_t n;

	if (!strncmp(variant, "pipe-read", 9))
		EQUAL(read(fd, b, 4096), 1);
	else if (!strcmp(variant, "pipe-write"))
		EQUAL(write(fd, b, 4096), 4096);
	else if (!strcmp(variant, "timerfd"))
		EQUAL(read(fd, &n, 8), 8);
	else if (!strcmp(variant, "signalfd"))
		EQUAL(read(fd, b, sizeof b), 128);
	else if (!strcmp(variant, "inotify"))
		CHECK(read(fd, b, sizeof b) > 0);
	else if (!strcmp(variant, "epoll"))
		EQUAL(read(other, &n, 8), 8);
	else if (!strcmp(variant, "eventfd"))
		EQUAL(read(fd, &n, 8), 8);
	else if (!strcmp(variant, "socket"))
		fill(fd);
	else {
		close(accept(fd, NULL, NULL));
		close(client);
	}
}

static void listen_at(int family)
{
	fd = socket(family, SOCK_STREAM, 0);
	where.ss_family = family;
	if (family == AF_UNIX)
		strcpy(((struct sockaddr_un *)&where)->sun_path, path("socket"));
	else {
		((struct sockaddr_in *)&where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		CHECK(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	}
	CHECK(!bind(fd, (void *)&where, family == AF_UNIX ? sizeof(struct sockaddr_un) : sizeof(struct sockaddr_in)));
	CHECK(!listen(fd, 5) && !getsockname(fd, (void *)&where, &length));
}

static void make(void)
{
	int pair[2];
	char block[4096] = "";

	if (!strncmp(variant, "pipe", 4)) {
		CHECK(!pipe(pair));
		fd = pair[strcmp(variant, "pipe-write") == 0], other = pair[strcmp(variant, "pipe-write") != 0];
		CHECK(!fcntl(pair[1], F_SETFL, O_NONBLOCK));
		if (!strcmp(variant, "pipe-write"))
			while (write(fd, block, 4096) == 4096)
				;
	} else if (!strcmp(variant, "timerfd"))
		fd = timerfd_create(CLOCK_MONOTONIC, 0);
	else if (!strcmp(variant, "signalfd")) {
		sigaddset(&signals, SIGUSR2);
		CHECK(!sigprocmask(SIG_BLOCK, &signals, NULL));
		fd = signalfd(-1, &signals, 0);
	} else if (!strcmp(variant, "inotify")) {
		fd = inotify_init();
		CHECK(!mkdir(path("seen"), 0755) && inotify_add_watch(fd, path("seen"), IN_CREATE) == 1);
	} else if (!strcmp(variant, "epoll")) {
		fd = epoll_create1(0), other = eventfd(0, 0);
		CHECK(!epoll_ctl(fd, EPOLL_CTL_ADD, other, &(struct epoll_event){EPOLLIN}));
	} else if (!strcmp(variant, "eventfd"))
		fd = eventfd(0, 0);
	else if (!strcmp(variant, "socket")) {
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		fd = pair[0], other = pair[1];
		fill(fd);
	} else
		listen_at(!strcmp(variant, "tcp") ? AF_INET : AF_UNIX);
}

/* watched is the events that the kernel shows, and for which an event is waited for. */
static unsigned watched(void)
{
	char name[64], text[4096] = "";
	unsigned events = 0;

	snprintf(name, sizeof name, "/proc/self/fdinfo/%d", set);
	int f = open(name, O_RDONLY);
	CHECK(read(f, text, sizeof text - 1) > 0);
	close(f);
	EQUAL(sscanf(strstr(text, "events:"), "events: %x", &events), 1);
	return events;
}

int main(void)
{
	struct epoll_event e = {EPOLLIN | EPOLLONESHOT | EPOLLET, {.u64 = 77}}, got;

	if (strstr(variant, "write") || !strcmp(variant, "socket"))
		e.events ^= EPOLLIN | EPOLLOUT;
	set = epoll_create1(0);
	make();
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
	EQUAL(epoll_wait(set, &got, 1, 0), 0);
	fire();
	EQUAL(epoll_wait(set, &got, 1, 10000), 1);
	calm();
	ready();
	EQUAL(watched(), EPOLLONESHOT | EPOLLET);
	EQUAL(epoll_wait(set, &got, 1, 0), 0);
	fire();
	EQUAL(epoll_wait(set, &got, 1, 0), 0);
	if (!strcmp(variant, "pipe-read-closed")) { /* nor about that */
		close(other);
		EQUAL(epoll_wait(set, &got, 1, 0), 0);
	}
	CHECK(!epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
	EQUAL(epoll_wait(set, &got, 1, 10000), 1);
	EQUAL(got.data.u64, 77);
	calm();
	return passed();
}
