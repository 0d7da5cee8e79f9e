/* Descriptors that were sent by SCM_RIGHTS and not yet received; the variant says which, or how. */
#include "orphan.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static int is(const char *name) { return !strcmp(variant, name); }

/* give sends text, with descriptors, each of which it closes unless it is to be kept. */
static void give(int to, const char *text, const int *fds, int n, int keep)
{
	char control[CMSG_SPACE(64 * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec io = {(char *)text, strlen(text)};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	EQUAL(sendmsg(to, &m, 0), strlen(text));
	for (int i = 0; i < n && !keep; i++)
		CHECK(!close(fds[i]));
}

static void give_one(int to, const char *text, int fd) { give(to, text, &fd, 1, 0); }

/* take receives so many bytes, which are to be text, and returns how many descriptors came with them. */
static int take(int from, const char *text, int size, int *fds)
{
	char b[256], control[CMSG_SPACE(64 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec io = {b, size};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	int n = 0;

	EQUAL(recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), strlen(text));
	CHECK(!memcmp(b, text, strlen(text)));
	EQUAL(m.msg_flags & MSG_CTRUNC, 0);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == SCM_RIGHTS) {
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		}
	return n;
}

static int take_one(int from, const char *text)
{
	int fd;

	EQUAL(take(from, text, 200, &fd), 1);
	return fd;
}

static void same(int a, int b, int equal)
{
	EQUAL(syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, a, b) == 0, equal);
}

static void pair_of(int type, int pair[2]) { CHECK(!socketpair(AF_UNIX, type, 0, pair)); }

/* One file of each kind, in one message. */
static int kinds(int type)
{
	int pair[2], fds[9], got[9], ends[2], inner[2];
	char b[16];
	uint64_t count = 7;
	struct itimerspec soon = {.it_value = {0, 1}}, now;

	pair_of(type, pair);
	CHECK((fds[0] = open(path("file"), O_RDWR | O_CREAT | O_TRUNC, 0644)) >= 0);
	EQUAL(write(fds[0], "0123456789", 10), 10);
	EQUAL(lseek(fds[0], 4, SEEK_SET), 4);
	CHECK((fds[1] = open(path("deleted"), O_RDWR | O_CREAT | O_TRUNC, 0644)) >= 0);
	EQUAL(write(fds[1], "deleted", 7), 7);
	CHECK(!unlink(path("deleted")) && !flock(fds[1], LOCK_EX));
	CHECK((fds[2] = memfd_create("in flight", 0)) >= 0);
	EQUAL(write(fds[2], "memory", 6), 6);
	CHECK(!pipe(ends));
	EQUAL(write(ends[1], "piped", 5), 5);
	fds[3] = ends[0];
	CHECK((fds[4] = eventfd(3, 0)) >= 0);
	CHECK((fds[5] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0);
	CHECK(!timerfd_settime(fds[5], 0, &soon, NULL));
	pair_of(SOCK_STREAM, inner);
	EQUAL(write(inner[0], "inner", 5), 5);
	fds[6] = inner[1];
	CHECK((fds[7] = open(directory, O_RDONLY | O_DIRECTORY)) >= 0);
	CHECK((fds[8] = open(path("file"), O_PATH)) >= 0);
	give(pair[0], "all", fds, 9, 0);
	ready();
	EQUAL(take(pair[1], "all", 200, got), 9);
	EQUAL(read(got[0], b, 3), 3);
	CHECK(!memcmp(b, "456", 3));
	EQUAL(pread(got[1], b, sizeof b, 0), 7);
	CHECK(!memcmp(b, "deleted", 7));
	snprintf(b, sizeof b, "%d", got[1]);
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", got[1]);
	int again = open(link, O_RDWR);
	CHECK(again >= 0 && flock(again, LOCK_EX | LOCK_NB) < 0);
	EQUAL(pread(got[2], b, sizeof b, 0), 6);
	CHECK(!memcmp(b, "memory", 6));
	EQUAL(read(got[3], b, sizeof b), 5);
	CHECK(!memcmp(b, "piped", 5));
	EQUAL(write(ends[1], "more", 4), 4);
	EQUAL(read(got[3], b, sizeof b), 4);
	EQUAL(read(got[4], &count, 8), 8);
	EQUAL(count, 3);
	EQUAL(read(got[5], &count, 8), 8);
	CHECK(!timerfd_gettime(got[5], &now));
	EQUAL(read(got[6], b, sizeof b), 5);
	CHECK(!memcmp(b, "inner", 5));
	EQUAL(write(got[6], "back", 4), 4);
	EQUAL(read(inner[0], b, sizeof b), 4);
	CHECK(!close(inner[0]));
	EQUAL(read(got[6], b, sizeof b), 0);
	CHECK(openat(got[7], "file", O_RDONLY) >= 0);
	CHECK(fcntl(got[8], F_GETFL) & O_PATH);
	return passed();
}

/* Messages with descriptors and without, one after the other, of which who reads a part gets what belongs to that. */
static int several(void)
{
	int pair[2], fds[3], got[3], kept;

	pair_of(SOCK_STREAM, pair);
	CHECK((kept = open(path("kept"), O_RDWR | O_CREAT, 0644)) >= 0);
	EQUAL(write(pair[0], "before", 6), 6);
	give_one(pair[0], "one", eventfd(1, 0));
	give(pair[0], "kept", &kept, 1, 1);
	EQUAL(write(pair[0], "between", 7), 7);
	fds[0] = fds[1] = eventfd(2, 0); /* the same twice */
	CHECK((fds[2] = dup(fds[0])) >= 0);
	give(pair[0], "three", fds, 3, 1);
	CHECK(!close(fds[0]) && !close(fds[2]));
	EQUAL(write(pair[0], "after", 5), 5);
	ready();
	EQUAL(take(pair[1], "bef", 3, got), 0);
	EQUAL(take(pair[1], "ore", 3, got), 0);
	EQUAL(take(pair[1], "o", 1, got), 1);
	EQUAL(take(pair[1], "ne", 2, got), 0);
	same(got[0], kept, 0);
	EQUAL(take(pair[1], "kept", 200, got), 1);
	same(got[0], kept, 1);
	EQUAL(take(pair[1], "between", 7, got), 0);
	EQUAL(take(pair[1], "three", 200, got), 3);
	same(got[0], got[1], 1);
	same(got[0], got[2], 1);
	EQUAL(take(pair[1], "after", 200, got), 0);
	return passed();
}

/* A socket that holds itself, and one that holds the other end of its pair. */
static int within(void)
{
	int pair[2], other[2], got;

	pair_of(SOCK_STREAM, pair);
	pair_of(SOCK_SEQPACKET, other);
	give(pair[0], "self", &pair[1], 1, 1);
	give_one(other[0], "lone", other[0]);
	ready();
	got = take_one(pair[1], "self");
	same(got, pair[1], 1);
	got = take_one(other[1], "lone");
	EQUAL(write(got, "through", 7), 7);
	EQUAL(take(other[1], "through", 200, &got), 0);
	return passed();
}

/* From one process to another, with credentials. */
static int to_child(void)
{
	int pair[2], ends[2], got = -1;
	pid_t child;
	char b[8];

	pair_of(SOCK_DGRAM, pair);
	CHECK(!setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
	CHECK(!pipe(ends));
	if (!(child = fork())) {
		close(pair[0]);
		close(ends[0]);
		close(ends[1]);
		await_go();
		got = take_one(pair[1], "end");
		_exit(write(got, "child", 5) != 5);
	}
	CHECK(child > 0);
	give_one(pair[0], "end", ends[1]);
	close(pair[1]);
	ready();
	EQUAL(read(ends[0], b, sizeof b), 5);
	EQUAL(read(ends[0], b, sizeof b), 0);
	CHECK(waitpid(child, &got, 0) == child);
	EQUAL(got, 0);
	return passed();
}

/* What an orphan has too. */
static int shared(void)
{
	int pair[2], ends[2];

	CHECK(!pipe(ends));
	if (is("shared-event")) {
		CHECK(!close(ends[1]));
		CHECK((ends[1] = eventfd(1, 0)) >= 0);
	}
	if (orphan()) {
		write_file("forked", "");
		for (;;)
			pause_ms(1000);
	}
	while (access(path("forked"), F_OK))
		pause_ms(2);
	pair_of(SOCK_STREAM, pair);
	give_one(pair[0], "shared", ends[1]);
	ready();
	EQUAL(write(take_one(pair[1], "shared"), &(uint64_t){1}, 8), 8);
	return passed();
}

/* What can't be kept so. */
static int refused(void)
{
	int pair[2], other[2];

	pair_of(SOCK_STREAM, pair);
	if (is("epoll"))
		give_one(pair[0], "set", epoll_create1(0));
	if (is("terminal"))
		give_one(pair[0], "pty", posix_openpt(O_RDWR | O_NOCTTY));
	if (is("nested")) {
		pair_of(SOCK_STREAM, other);
		give_one(other[0], "deep", eventfd(0, 0));
		give_one(pair[0], "outer", other[1]);
	}
	if (is("watched")) {
		struct epoll_event e = {.events = EPOLLIN};
		int set = epoll_create1(0), fd = eventfd(0, 0);

		CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
		give_one(pair[0], "watched", fd);
	}
	ready();
	return passed();
}

int main(void)
{
	if (is("") || is("packets") || is("datagrams"))
		return kinds(is("") ? SOCK_STREAM : is("packets") ? SOCK_SEQPACKET : SOCK_DGRAM);
	if (is("several"))
		return several();
	if (is("within"))
		return within();
	if (is("child"))
		return to_child();
	if (is("shared-pipe") || is("shared-event"))
		return shared();
	return refused();
}
