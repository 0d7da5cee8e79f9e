/* An open file of /proc; the variant says which. */
#include "stage.h"

int main(void)
{
	char name[64], b[64] = "";
	int fd;

	snprintf(name, sizeof name, "/proc/%s", variant);
	fd = open(name, O_RDONLY);
	ready();
	if (!strcmp(variant, "self")) {
		CHECK(!faccessat(fd, "comm", F_OK, 0));
		return passed();
	}
	CHECK(pread(fd, b, sizeof b - 1, 0) > 0);
	if (!strcmp(variant, "self/comm"))
		CHECK(!strcmp(b, "proc-descriptor\n"));
	return passed();
}
