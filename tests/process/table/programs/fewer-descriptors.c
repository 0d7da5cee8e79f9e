/* Descriptors that are open beyond the limit, which was lowered later. */
#include "stage.h"
#include <sys/resource.h>

int main(void)
{
	int high, low = open("/dev/null", O_RDWR);

	high = fcntl(low, F_DUPFD, 200);
	EQUAL(high, 200);
	keep_result();
	CHECK(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, 20}));
	ready();
	EQUAL(write(high, "x", 1), 1);
	CHECK(fcntl(low, F_DUPFD, 30) < 0);
	return passed();
}
