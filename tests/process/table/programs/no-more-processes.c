/* A process that may not fork: its user has as many processes as he may have. */
#include "stage.h"
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit = {0, 0}, now;

	CHECK(!chown(directory, 1234, 1234) || geteuid());
	CHECK(geteuid() || (!setgid(1234) && !setuid(1234)));
	CHECK(!setrlimit(RLIMIT_NPROC, &limit));
	CHECK(fork() < 0);
	ready();
	CHECK(!getrlimit(RLIMIT_NPROC, &now));
	EQUAL(now.rlim_cur, 0);
	EQUAL(now.rlim_max, 0);
	CHECK(fork() < 0);
	return passed();
}
