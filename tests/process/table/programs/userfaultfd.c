/* Memory whose faults the process handles itself. */
#include "stage.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {{(uintptr_t)m, 8192}, UFFDIO_REGISTER_MODE_MISSING, 0};

	if (fd < 0)
		unable("userfaultfd is not to be had");
	CHECK(!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &r));
	ready();
	close(fd);
	m[0] = 1;
	return passed();
}
