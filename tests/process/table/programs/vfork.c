/* A parent that waits, in the kernel, for its vfork(2) child. */
#include "stage.h"
#include <spawn.h>
#include <sys/wait.h>

int main(void)
{
	int status;
	pid_t child = vfork();

	if (!child) {
		ready();
		_exit(3);
	}
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 3 << 8);
	return passed();
}
