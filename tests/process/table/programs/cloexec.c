/* Which descriptors a new program would inherit, as it would see them. */
#include "stage.h"
#include <sys/wait.h>

int main(void)
{
	int kept = open("/dev/null", O_RDWR), closed = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	char script[128];
	pid_t child;

	ready();
	snprintf(script, sizeof script, "[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]", kept, closed);
	if (!(child = fork())) {
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
	/* And nothing else is open: 0 to 2 and these. */
	for (int fd = 3; fd < 1024; fd++)
		if (fd != kept && fd != closed && fcntl(fd, F_GETFD) >= 0)
			failed("descriptor %d is open", fd);
	return passed();
}
