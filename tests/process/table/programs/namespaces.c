/* A process in a namespace that whoever resumes it is not in. */
#include "stage.h"
#include <sched.h>

int main(void)
{
	if (!strcmp(variant, "pid")) { /* that of its children */
		CHECK(!unshare(CLONE_NEWPID));
		ready();
		return passed();
	}
	int kind = !strcmp(variant, "user") ? CLONE_NEWUSER : !strcmp(variant, "net") ? CLONE_NEWNET : !strcmp(variant, "mnt") ? CLONE_NEWNS :
		   !strcmp(variant, "uts") ? CLONE_NEWUTS : CLONE_NEWIPC;
	char file[64], before[64] = "", after[64] = "";

	CHECK(!unshare(kind));
	snprintf(file, sizeof file, "/proc/self/ns/%s", variant);
	CHECK(readlink(file, before, sizeof before - 1) > 0);
	ready();
	CHECK(readlink(file, after, sizeof after - 1) > 0);
	CHECK(!strcmp(before, after));
	return passed();
}
