/* A context of io_setup(2), which is memory of the kernel's. */
#include "stage.h"
#include <linux/aio_abi.h>
#include <sys/syscall.h>

int main(void)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 4, &context))
		unable("io_setup is not to be had");
	ready();
	EQUAL(syscall(SYS_io_destroy, context), 0);
	return passed();
}
