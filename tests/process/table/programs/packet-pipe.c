/* A pipe of packets (O_DIRECT), of which some are unread: each is read by itself. The variant mixes them with a stream. */
#include "stage.h"

static int fds[2];

static void put(const char *text, int packet)
{
	CHECK(!fcntl(fds[1], F_SETFL, packet ? O_DIRECT : 0));
	EQUAL(write(fds[1], text, strlen(text)), strlen(text));
}

static void get(size_t size, const char *want)
{
	char b[64] = "";

	EQUAL(read(fds[0], b, size), strlen(want));
	CHECK(!strcmp(b, want));
}

int main(void)
{
	CHECK(!pipe2(fds, O_DIRECT));
	if (!strcmp(variant, "mixed")) {
		put("packet", 1), put("other", 1), put("stream", 0);
		ready();
		EQUAL(fcntl(fds[1], F_GETFL) & O_DIRECT, 0);
		get(3, "pac"); /* of a packet; the rest is gone */
		get(64, "other");
		get(4, "stre"), get(64, "am");
		EQUAL(write(fds[1], "new", 3), 3);
		get(64, "new");
		return passed();
	}
	put("one", 1), put("three", 1);
	ready();
	CHECK(fcntl(fds[1], F_GETFL) & O_DIRECT);
	get(64, "one"), get(64, "three");
	return passed();
}
