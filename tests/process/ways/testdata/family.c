/*
 * A family of three that waits: a child, and one that has the memory of the first. Each
 * does so in a function of its own, and what the child has made of the marker is its own.
 */
#define _GNU_SOURCE
#include "../../table/programs/stage.h"
#include <sched.h>

static char marker[] = "what a debugger finds";
static char stack[65536];

__attribute__((noinline)) static void wait_as_first(void)
{
	for (;;)
		pause_ms(1000);
}

__attribute__((noinline)) static void wait_as_child(void)
{
	for (;;)
		pause_ms(1000);
}

__attribute__((noinline)) static int wait_as_sharer(void *unused)
{
	for (;;)
		pause_ms(1000);
	return 0;
}

int main(void)
{
	int child;

	CHECK((child = fork()) >= 0);
	if (child == 0) {
		marker[0] = 'W';
		wait_as_child();
	}
	CHECK(clone(wait_as_sharer, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL) >= 0);
	say_ready();
	wait_as_first();
}
