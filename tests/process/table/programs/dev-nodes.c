/* Character devices of memory: null, zero, full, urandom. */
#include "stage.h"

int main(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY), full = open("/dev/full", O_WRONLY),
	    random = open("/dev/urandom", O_RDONLY);
	char b[64] = "x";

	CHECK(null >= 0 && zero >= 0 && full >= 0 && random >= 0);
	ready();
	EQUAL(read(null, b, 1), 0);
	EQUAL(write(null, b, 1), 1);
	EQUAL(read(zero, b, 64), 64);
	EQUAL(b[0], 0);
	CHECK(write(full, b, 1) < 0 && errno == ENOSPC);
	EQUAL(read(random, b, 64), 64);
	return passed();
}
