/*
 * Connections between two unix sockets of the process, made by accept(2), and
 * the names of their ends. The variant says what became of the listener, and
 * whether names are paths.
 */
#include "stage.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *name, socklen_t *length)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strncpy(a.sun_path + (*name == '@'), name + (*name == '@'), sizeof a.sun_path - 2);
	*length = offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@');
	return a;
}

static void has_name(int fd, int peer, const char *name)
{
	socklen_t length = sizeof(struct sockaddr_un), want;
	struct sockaddr_un a = {0}, w = address(name, &want);

	CHECK(!(peer ? getpeername(fd, (void *)&a, &length) : getsockname(fd, (void *)&a, &length)));
	EQUAL(length, *name ? want : sizeof(sa_family_t));
	CHECK(!memcmp(&a, &w, length));
}

int main(void)
{
	int abstract = !!strstr(variant, "abstract"), gone = !!strstr(variant, "gone"), relative = !!strstr(variant, "relative");
	int type = strstr(variant, "packet") ? SOCK_SEQPACKET : SOCK_STREAM, client[3], server[3];
	int listener = socket(AF_UNIX, type, 0);
	char name[128], own[160], b[8];
	struct sockaddr_un a;
	socklen_t length;

	if (abstract)
		snprintf(name, sizeof name, "@snappipe-%d-%lld", getpid(), (long long)now(CLOCK_MONOTONIC));
	else if (relative)
		strcpy(name, "socket");
	else
		strcpy(name, path("socket"));
	CHECK(!chdir(directory));
	snprintf(own, sizeof own, "%s-client", name);
	a = address(name, &length);
	CHECK(!bind(listener, (void *)&a, length) && !listen(listener, 5));
	for (int i = 0; i < 3; i++) {
		client[i] = socket(AF_UNIX, type, 0);
		if (i == 1) { /* has a name too */
			a = address(own, &length);
			CHECK(!bind(client[i], (void *)&a, length));
		}
		a = address(name, &length);
		CHECK(!connect(client[i], (void *)&a, length));
		server[i] = accept(listener, NULL, NULL);
		CHECK(server[i] >= 0);
		EQUAL(send(client[i], "hello", 5, 0), 5);
	}
	close(server[2]); /* its client still knows what it was connected to */
	if (gone)
		close(listener);
	ready();
	for (int i = 0; i < 2; i++) {
		EQUAL(recv(server[i], b, sizeof b, 0), 5);
		EQUAL(send(server[i], "there", 5, 0), 5);
		EQUAL(recv(client[i], b, sizeof b, 0), 5);
		has_name(client[i], 0, i ? own : "");
		has_name(client[i], 1, name);
		has_name(server[i], 0, name);
		has_name(server[i], 1, i ? own : "");
	}
	has_name(client[2], 1, name);
	CHECK(recv(client[2], b, sizeof b, 0) < 0 && errno == ECONNRESET); /* it was closed without reading */
	a = address(name, &length);
	CHECK(connect(socket(AF_UNIX, type, 0), (void *)&a, length) == (gone ? -1 : 0));
	return passed();
}
