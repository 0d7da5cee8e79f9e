/* UDP sockets: bound, with a default destination, with a datagram waiting. */
#include "stage.h"
#include <netinet/in.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, before, after;
	socklen_t length = sizeof a;
	int bound = socket(AF_INET, SOCK_DGRAM, 0), plain = socket(AF_INET, SOCK_DGRAM, 0), yes = 1, got = 0;
	char b[16];

	CHECK(!bind(bound, (void *)&a, sizeof a));
	CHECK(!setsockopt(bound, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes));
	CHECK(!getsockname(bound, (void *)&before, &length));
	if (!strcmp(variant, "connected")) {
		CHECK(!connect(plain, (void *)&before, sizeof before));
		EQUAL(send(plain, "early", 5, 0), 5); /* datagrams may be lost; this one was not, yet */
		EQUAL(recv(bound, b, sizeof b, 0), 5);
	}
	ready();
	length = sizeof after;
	CHECK(!getsockname(bound, (void *)&after, &length));
	CHECK(!memcmp(&before, &after, sizeof after));
	if (!strcmp(variant, "connected"))
		EQUAL(send(plain, "late", 4, 0), 4);
	else
		EQUAL(sendto(plain, "late", 4, 0, (void *)&after, sizeof after), 4);
	EQUAL(recv(bound, b, sizeof b, 0), 4);
	length = sizeof got;
	CHECK(!getsockopt(bound, SOL_SOCKET, SO_BROADCAST, &got, &length));
	EQUAL(got, 1);
	return passed();
}
