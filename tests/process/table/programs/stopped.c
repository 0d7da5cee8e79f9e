/* A process that a signal has stopped stays so until SIGCONT. */
#include "stage.h"

static volatile int continued;
static void on_continue(int signal) { continued++; }

int main(void)
{
	signal(SIGCONT, on_continue);
	say_ready();
	raise(SIGSTOP);
	await_go();
	EQUAL(continued, 1);
	return passed();
}
