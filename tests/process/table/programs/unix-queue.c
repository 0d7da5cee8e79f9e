/* What waits in unix sockets; the variant says what. */
#include "stage.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *name, socklen_t *length)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strncpy(a.sun_path, name, sizeof a.sun_path - 1);
	*length = offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
	return a;
}

static int at(const char *name)
{
	socklen_t length;
	struct sockaddr_un a = address(path(name), &length);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(!bind(fd, (void *)&a, length));
	return fd;
}

/* receive wants a message of one letter, from a name or from nobody. */
static void receive(int fd, char letter, const char *name)
{
	struct sockaddr_un a = {0};
	socklen_t length = sizeof a;
	char b[2];

	EQUAL(recvfrom(fd, b, sizeof b, MSG_DONTWAIT, (void *)&a, &length), 1);
	EQUAL(b[0], letter);
	if (name)
		CHECK(!strcmp(a.sun_path, path(name)));
	else
		CHECK(length <= sizeof(sa_family_t));
}

/* A stream of as much as there is room for, and more than fits into a default buffer. */
static int large(void)
{
	int pair[2], size = 0;
	socklen_t length = sizeof size;
	char block[65536], b[65536];
	long total = 0, got = 0;
	ssize_t n;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &(int){20 << 20}, sizeof size))
		CHECK(!setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){20 << 20}, sizeof size)); /* up to wmem_max */
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &length));
	for (int i = 0;; i++) {
		memset(block, i, sizeof block);
		if ((n = send(pair[0], block, sizeof block, 0)) <= 0)
			break;
		total += n;
	}
	ready();
	for (int i = 0; got < total; i++) {
		for (long have = 0, want = total - got < 65536 ? total - got : 65536; have < want; have += n) {
			n = recv(pair[1], b, want - have, 0);
			CHECK(n > 0);
			for (ssize_t k = 0; k < n; k++)
				if (b[k] != (char)i)
					failed("byte %ld is of block %d, not %d", got + k, (unsigned char)b[k], (unsigned char)i);
			got += n;
		}
	}
	CHECK(recv(pair[1], b, 1, 0) < 0 && errno == EAGAIN);
	int after = 0;
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &after, &length));
	EQUAL(after, size);
	return passed();
}

/* Many small pieces, which take more room than their bytes. */
static int many(void)
{
	int pair[2], n = 0;
	char b[8192];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	while (send(pair[0], "x", 1, 0) == 1)
		n++;
	CHECK(n > 50);
	ready();
	for (ssize_t got; n > 0; n -= got)
		CHECK((got = recv(pair[1], b, sizeof b, 0)) > 0);
	EQUAL(n, 0);
	CHECK(recv(pair[1], b, 1, 0) < 0 && errno == EAGAIN);
	return passed();
}

/* Messages of every size: none, one byte, more than a default buffer of anybody. */
static int sizes(int type)
{
	static char sent[300000], got[400000];
	int all[] = {0, 1, 0, 0, 300000, 5, 0}, pair[2];

	CHECK(!socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair));
	CHECK(!setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int)));
	memset(sent, 'm', sizeof sent);
	for (int i = 0; i < 7; i++)
		EQUAL(send(pair[0], sent, all[i], 0), all[i]);
	ready();
	for (int i = 0; i < 7; i++)
		EQUAL(recv(pair[1], got, sizeof got, 0), all[i]);
	CHECK(recv(pair[1], got, 1, 0) < 0 && errno == EAGAIN);
	return passed();
}

/* A queue that is being peeked at, from the middle. */
static int peeked(int type)
{
	int pair[2], offset = 0;
	socklen_t length = sizeof offset;
	char b[8];

	CHECK(!socketpair(AF_UNIX, type, 0, pair));
	for (int i = 0; i < 4; i++)
		EQUAL(send(pair[0], "abcd" + i, 1, 0), 1);
	CHECK(!setsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &(int){0}, sizeof(int)));
	EQUAL(recv(pair[1], b, 1, MSG_PEEK), 1);
	ready();
	CHECK(!getsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &length));
	EQUAL(offset, 1);
	EQUAL(recv(pair[1], b, 1, MSG_PEEK), 1);
	EQUAL(b[0], 'b');
	for (int i = 0; i < 4; i++) {
		EQUAL(recv(pair[1], b, 1, 0), 1);
		EQUAL(b[0], 'a' + i);
	}
	return passed();
}

/* Credentials: of the process, whatever its ID is now; and of nobody. */
static int credentials(int type)
{
	int pair[2];
	struct ucred c;
	char b[8], room[CMSG_SPACE(sizeof c)];
	struct iovec v = {b, 1};

	CHECK(!socketpair(AF_UNIX, type, 0, pair));
	EQUAL(send(pair[0], "x", 1, 0), 1); /* without */
	CHECK(!setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
	EQUAL(send(pair[0], "y", 1, 0), 1);
	ready();
	for (int i = 0; i < 2; i++) {
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};

		EQUAL(recvmsg(pair[1], &m, 0), 1);
		EQUAL(b[0], "xy"[i]);
		memcpy(&c, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof c);
		EQUAL(c.pid, i ? getpid() : 0);
		if (i) {
			EQUAL(c.uid, geteuid());
			EQUAL(c.gid, getegid());
		}
	}
	return passed();
}

/* Datagrams from sockets with names, which are here, or gone, and without. */
static int senders(void)
{
	int fd = at("receiver"), named = at("named"), gone = at("gone"), nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t length;
	struct sockaddr_un a = address(path("receiver"), &length);

	EQUAL(sendto(named, "1", 1, 0, (void *)&a, length), 1);
	EQUAL(sendto(nameless, "2", 1, 0, (void *)&a, length), 1);
	EQUAL(sendto(gone, "3", 1, 0, (void *)&a, length), 1);
	EQUAL(sendto(named, "4", 1, 0, (void *)&a, length), 1);
	close(gone);
	CHECK(!connect(named, (void *)&a, length)); /* one way */
	ready();
	receive(fd, '1', "named");
	receive(fd, '2', NULL);
	receive(fd, '3', "gone");
	receive(fd, '4', "named");
	EQUAL(send(named, "5", 1, 0), 1);
	receive(fd, '5', "named");
	return passed();
}

/* A datagram socket whose peer is closed, with what that had sent. */
static int orphaned(void)
{
	int fd = at("receiver"), peer = at("peer");
	socklen_t length;
	struct sockaddr_un a = address(path("receiver"), &length), p = address(path("peer"), &length), got = {0};

	length = sizeof a;
	CHECK(!connect(peer, (void *)&a, sizeof a) && !connect(fd, (void *)&p, sizeof p));
	EQUAL(send(peer, "!", 1, 0), 1);
	close(peer);
	ready();
	CHECK(!getpeername(fd, (void *)&got, &length));
	CHECK(!strcmp(got.sun_path, path("peer")));
	receive(fd, '!', "peer");
	CHECK(send(fd, "x", 1, 0) < 0 && errno == ECONNREFUSED);
	return passed();
}

static int out_of_band(void)
{
	int pair[2];
	char b;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	if (send(pair[0], "ab!", 3, MSG_OOB) != 3)
		unable("MSG_OOB");
	ready();
	EQUAL(recv(pair[1], &b, 1, MSG_OOB), 1);
	EQUAL(b, '!');
	return passed();
}

int main(void)
{
	static const struct {
		const char *name;
		int (*run)(int), type;
	} all[] = {{"sizes-datagram", sizes, SOCK_DGRAM}, {"sizes-packet", sizes, SOCK_SEQPACKET}, {"peeked-stream", peeked, SOCK_STREAM},
		   {"peeked-datagram", peeked, SOCK_DGRAM}, {"peeked-packet", peeked, SOCK_SEQPACKET},
		   {"credentials-stream", credentials, SOCK_STREAM}, {"credentials-datagram", credentials, SOCK_DGRAM}};

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(variant, all[i].name))
			return all[i].run(all[i].type);
	if (!strcmp(variant, "large"))
		return large();
	if (!strcmp(variant, "many"))
		return many();
	if (!strcmp(variant, "senders"))
		return senders();
	if (!strcmp(variant, "orphaned"))
		return orphaned();
	return out_of_band();
}
