/* epoll sets: what they watch, for what, edge-triggered, one-shot, nested. */
#include "stage.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static void add(int set, int fd, uint32_t events, uint64_t data)
{
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &(struct epoll_event){events, {.u64 = data}}));
}

static uint64_t wait_one(int set)
{
	struct epoll_event e[4];

	EQUAL(epoll_wait(set, e, 4, 10000), 1);
	return e[0].data.u64;
}

static int nothing(int set)
{
	struct epoll_event e;

	return epoll_wait(set, &e, 1, 0) == 0;
}

/* Files that are not at the numbers any more by which they were added. */
static int numbers(void)
{
	int set = epoll_create1(0), at = eventfd(0, EFD_NONBLOCK), closed = eventfd(0, EFD_NONBLOCK), kept = dup(at), also = dup(closed);
	int pipes[2], file = open(path("file"), O_RDWR | O_CREAT, 0644), probe;
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5};
	uint64_t n = 1;

	CHECK(!pipe(pipes));
	add(set, at, EPOLLIN, 1);
	add(set, closed, EPOLLIN, 2);
	EQUAL(dup2(file, at), at); /* another file's */
	close(closed);
	CHECK(!fcntl(at, F_SETLK, &l)); /* which it must not lose */
	ready();
	EQUAL(write(kept, &n, 8), 8);
	EQUAL(wait_one(set), 1);
	EQUAL(read(kept, &n, 8), 8);
	EQUAL(write(also, &n, 8), 8);
	EQUAL(wait_one(set), 2);
	EQUAL(write(at, "file", 4), 4);
	CHECK(fcntl(closed, F_GETFD) < 0 && errno == EBADF);
	probe = open(path("file"), O_RDWR);
	CHECK(!fcntl(probe, F_OFD_GETLK, &l));
	EQUAL(l.l_type, F_WRLCK);
	return passed();
}

/* What takes more privilege, where there is that; one of several sets; parameters. */
static int wakeup(void)
{
	int set = epoll_create1(0), other = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
	struct {
		uint32_t usecs;
		uint16_t budget;
		uint8_t prefer, pad;
	} p = {50, 8, 1}, q = {0};
	int polls = !ioctl(other, _IOW(0x8a, 1, p), &p); /* EPIOCSPARAMS */
	char before[4096] = "", after[4096] = "", name[64];

	add(set, fd, EPOLLIN | EPOLLWAKEUP, 1);
	add(other, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 2);
	for (int i = 0; i < 2; i++) {
		int f;

		for (int k = 0; k < 2; k++) {
			char *text = i ? after : before;

			snprintf(name, sizeof name, "/proc/self/fdinfo/%d", k ? set : other);
			f = open(name, O_RDONLY);
			CHECK(read(f, text + strlen(text), 2000) > 0);
			close(f);
		}
		if (!i)
			ready();
	}
	for (char *a = before, *b = after; (a = strstr(a, "events:")) && (b = strstr(b, "events:")); a++, b++)
		CHECK(!strncmp(a, b, 30));
	if (polls) {
		CHECK(!ioctl(other, _IOR(0x8a, 2, q), &q));
		CHECK(!memcmp(&p, &q, sizeof p));
	}
	return passed();
}

int main(void)
{
	if (!strcmp(variant, "numbers"))
		return numbers();
	if (!strcmp(variant, "wakeup"))
		return wakeup();
	int set = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create1(0), pipes[2];
	int level = eventfd(0, EFD_NONBLOCK), edge = eventfd(0, EFD_NONBLOCK), once = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 1;

	CHECK(!pipe(pipes));
	add(set, level, EPOLLIN, 0x1111111122222222);
	add(set, edge, EPOLLIN | EPOLLET, 2);
	add(set, once, EPOLLIN | EPOLLONESHOT, 3);
	add(set, pipes[0], EPOLLIN, 4);
	add(outer, set, EPOLLIN, 5);
	EQUAL(write(once, &n, 8), 8);
	EQUAL(wait_one(set), 3); /* fired: it is not to fire again */
	ready();
	CHECK(nothing(set) && nothing(outer));
	EQUAL(write(level, &n, 8), 8);
	EQUAL(wait_one(outer), 5);
	EQUAL(wait_one(set), 0x1111111122222222);
	EQUAL(wait_one(set), 0x1111111122222222);
	EQUAL(read(level, &n, 8), 8);
	n = 1;
	EQUAL(write(edge, &n, 8), 8);
	EQUAL(wait_one(set), 2);
	CHECK(nothing(set));
	EQUAL(write(pipes[1], "x", 1), 1);
	EQUAL(wait_one(set), 4);
	CHECK(!epoll_ctl(set, EPOLL_CTL_MOD, once, &(struct epoll_event){EPOLLIN, {.u64 = 6}}));
	CHECK(!epoll_ctl(set, EPOLL_CTL_DEL, pipes[0], NULL));
	EQUAL(wait_one(set), 6);
	return passed();
}
