/* ptrace: being traced by another process, or tracing one. */
#include "orphan.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

/* follow is the life of a tracer that lets everything pass. */
static void follow(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
}

int main(void)
{
	int traces = !strcmp(variant, "tracer"), to[2], from[2];
	pid_t me = getpid(), other = 0;
	char b;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	CHECK(!pipe(to) && !pipe(from));
	if (orphan()) {
		close(to[1]), close(from[0]);
		if (read(to[0], &b, 1) != 1) /* the one between has been waited for */
			_exit(1);
		other = getpid();
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		if (!traces && ptrace(PTRACE_SEIZE, me, 0, 0))
			other = 0;
		if (write(from[1], &other, sizeof other) != sizeof other)
			_exit(1);
		close(from[1]);
		if (other && !traces)
			follow(me);
		while (traces && !kill(me, 0))
			pause_ms(50);
		_exit(0);
	}
	close(to[0]), close(from[1]);
	EQUAL(write(to[1], "x", 1), 1);
	EQUAL(read(from[0], &other, sizeof other), sizeof other);
	CHECK(other);
	EQUAL(read(from[0], &b, 1), 0);
	close(from[0]), close(to[1]);
	if (traces)
		CHECK(!ptrace(PTRACE_SEIZE, other, 0, 0));
	ready();
	return passed();
}
