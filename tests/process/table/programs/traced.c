/* ptrace: being traced by another process, or tracing one. */
#include "orphan.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

int main(void)
{
	pid_t me = getpid(), other;
	int fds[2], status;
	char b;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	CHECK(!pipe(fds));
	if (orphan()) {
		close(fds[0]);
		other = getpid();
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		if (strcmp(variant, "tracer") && ptrace(PTRACE_SEIZE, me, 0, 0))
			_exit(1);
		CHECK(write(fds[1], &other, sizeof other) == sizeof other);
		close(fds[1]);
		for (int i = 0; i < 600 && !kill(me, 0); i++) { /* until the other has ended */
			if (waitpid(me, &status, WNOHANG | __WALL) > 0 && (WIFEXITED(status) || WIFSIGNALED(status)))
				break;
			pause_ms(50);
		}
		_exit(0);
	}
	close(fds[1]);
	EQUAL(read(fds[0], &other, sizeof other), sizeof other);
	EQUAL(read(fds[0], &b, 1), 0);
	close(fds[0]);
	if (!strcmp(variant, "tracer"))
		CHECK(!ptrace(PTRACE_SEIZE, other, 0, 0));
	ready();
	return passed();
}
