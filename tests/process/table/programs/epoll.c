/* epoll sets: what they watch, for what, edge-triggered, one-shot, nested. */
#include "stage.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

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

int main(void)
{
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
