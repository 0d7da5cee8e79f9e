/* Floating point: the x87 stack and control word, MXCSR. */
#include "stage.h"
#include <pthread.h>

volatile int stop, holding; /* not static: the assembly names them */
volatile long double pi;
volatile uint16_t control = 0x0f7f, control_after; /* round to zero */
volatile uint32_t mxcsr = 0xbf80, mxcsr_after; /* round up, denormals are zeros */

static void *hold(void *unused)
{
	asm volatile("fldcw control(%%rip)\n ldmxcsr mxcsr(%%rip)\n fldpi\n"
		     "movl $1, holding(%%rip)\n"
		     "1: pause\n cmpl $0, stop(%%rip)\n je 1b\n"
		     "fstpt pi(%%rip)\n fnstcw control_after(%%rip)\n stmxcsr mxcsr_after(%%rip)\n"
		     ::: "st", "memory", "cc");
	return NULL;
}

int main(void)
{
	pthread_t holder;

	CHECK(!pthread_create(&holder, NULL, hold, NULL));
	while (!holding)
		pause_ms(1);
	ready();
	stop = 1;
	CHECK(!pthread_join(holder, NULL));
	EQUAL(control_after, control);
	EQUAL(mxcsr_after & ~0x3f, mxcsr & ~0x3f);
	CHECK(pi > 3.14159265358979323L && pi < 3.14159265358979324L);
	return passed();
}
