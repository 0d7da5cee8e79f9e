/* A mapping of hugetlb pages. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	void *m = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		unable("this kernel has no hugetlb pages");
	ready();
	CHECK(!munmap(m, 2 << 20));
	return passed();
}
