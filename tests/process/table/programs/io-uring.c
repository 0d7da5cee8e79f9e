/* io_uring: memory that is shared with the kernel, and requests in flight. */
#include "stage.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
	struct io_uring_params p = {0};
	int fd = syscall(SYS_io_uring_setup, 4, &p);
	void *ring;

	if (fd < 0)
		unable("io_uring is not to be had");
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	CHECK(ring != MAP_FAILED);
	ready();
	EQUAL(syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0), 0);
	return passed();
}
