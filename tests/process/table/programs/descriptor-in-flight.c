/* A descriptor that was sent by SCM_RIGHTS and not yet received. */
#include "stage.h"
#include <sys/socket.h>

int main(void)
{
	int pair[2], fd = open(path("file"), O_RDWR | O_CREAT, 0644), got;
	char b[8], control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec io = {"hello", 5}, back = {b, sizeof b};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EQUAL(sendmsg(pair[0], &m, 0), 5);
	CHECK(!close(fd));
	ready();
	m.msg_iov = &back;
	EQUAL(recvmsg(pair[1], &m, 0), 5);
	CHECK((c = CMSG_FIRSTHDR(&m)));
	memcpy(&got, CMSG_DATA(c), sizeof got);
	EQUAL(write(got, "x", 1), 1);
	return passed();
}
