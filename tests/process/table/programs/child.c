/* A child, alive or ended and not yet waited for. */
#include "stage.h"
#include <sys/wait.h>

static volatile int children;
static void on_child(int signal) { children++; }

int main(void)
{
	int status, alive = strcmp(variant, "zombie");
	pid_t child;

	signal(SIGCHLD, on_child);
	if (!(child = fork())) {
		if (alive)
			await_go();
		_exit(7);
	}
	pause_ms(20);
	EQUAL(children, !alive);
	ready();
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 7 << 8);
	EQUAL(children, 1);
	return passed();
}
