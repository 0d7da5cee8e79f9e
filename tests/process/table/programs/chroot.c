/* A process whose root directory is not everybody's. */
#include "stage.h"

int main(void)
{
	CHECK(!chroot(directory));
	directory = ""; /* which is now / */
	CHECK(!chdir("/"));
	ready();
	CHECK(!access("/ready", F_OK));
	return passed();
}
