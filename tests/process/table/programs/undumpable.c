/* A process that its own user may not trace. */
#include "stage.h"
#include <sys/prctl.h>

int main(void)
{
	CHECK(!prctl(PR_SET_DUMPABLE, 0));
	ready();
	return passed();
}
