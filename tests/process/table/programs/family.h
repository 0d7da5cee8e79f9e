/* Children of a program. */
#include "stage.h"
#include <sys/prctl.h>

/* born makes a child that ends with its parent, which matters when a test has failed. */
static inline pid_t born(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}
