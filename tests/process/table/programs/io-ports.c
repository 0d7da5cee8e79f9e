/* A process that may use I/O ports itself. */
#include "stage.h"
#include <sys/io.h>

int main(void)
{
	if (strcmp(variant, "ioperm") ? iopl(3) : ioperm(0x80, 1, 1))
		unable("this kernel or user has no I/O ports");
	ready();
	outb(0, 0x80); /* a port for nothing but that */
	return passed();
}
