/* Open files of /proc, which are of the process that opened them. */
#include "stage.h"

int main(void)
{
	int fd = open("/proc/self/comm", O_RDONLY), all = open("/proc/uptime", O_RDONLY);
	char b[64] = "";

	ready();
	CHECK(pread(fd, b, sizeof b - 1, 0) > 0);
	CHECK(!strcmp(b, "proc-descriptor\n"));
	CHECK(pread(all, b, sizeof b, 0) > 0);
	return passed();
}
