// A program with a TCP connection to itself that is full, which takes TCP_REPAIR to be
// looked at. Every 10 ms it prints a line: how often, how many disturbances, the last
// one.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof a;
	int disturbances = 0, yes = 1, v;
	const char *last = "none";
	static char b[4096];

	close_range(3, ~0u, 0);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	bind(listener, (void *)&a, length), listen(listener, 1), getsockname(listener, (void *)&a, &length);
	setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	connect(client, (void *)&a, length);
	int server = accept(listener, NULL, NULL);
	for (int i = 0; i < 50; usleep(1000)) // the kernel moves what it can
		if (send(client, b, sizeof b, MSG_DONTWAIT) < 0)
			i++;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int beat = 1;; beat++) {
		usleep(10000);
		length = sizeof v;
		if (getsockopt(client, IPPROTO_TCP, TCP_REPAIR, &v, &length) || v || getsockopt(server, IPPROTO_TCP, TCP_REPAIR, &v, &length) || v) {
			disturbances++;
			last = "under repair";
		}
		if (getsockopt(client, SOL_SOCKET, SO_REUSEADDR, &v, &length) || v != 1) {
			disturbances++;
			last = "SO_REUSEADDR";
		}
		printf("%d %d %s\n", beat, disturbances, last);
	}
}
