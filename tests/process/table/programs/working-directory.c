/* A working directory that has been deleted. */
#include "stage.h"

int main(void)
{
	char b[512];

	CHECK(!mkdir(path("here"), 0755) && !chdir(path("here")) && !rmdir(path("here")));
	ready();
	CHECK(!getcwd(b, sizeof b) && errno == ENOENT);
	return passed();
}
