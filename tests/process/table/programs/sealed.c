/* Memory sealed by mseal(2): what is in it, also where nobody may touch it, and that it is sealed. */
#include "mapping.h"
#include <sys/mman.h>
#include <sys/syscall.h>

enum { SIZE = 3 << 20, MSEAL = 462 };

int main(void)
{
	int file = !strcmp(variant, "file"), fd = -1, prot;
	char *m;

	prot = !strcmp(variant, "none") ? PROT_NONE : !strcmp(variant, "write-only") ? PROT_WRITE : PROT_READ;
	if (file) {
		fd = open(path("file"), O_RDWR | O_CREAT, 0600);
		CHECK(!ftruncate(fd, SIZE));
	}
	m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | (file ? 0 : MAP_ANONYMOUS), fd, 0);
	CHECK(m != MAP_FAILED);
	for (int i = 0; i < SIZE; i += 3 * 4096)
		m[i] = i / 4096 % 100 + 1;
	CHECK(!mprotect(m, SIZE, prot));
	if (syscall(MSEAL, m, SIZE, 0))
		unable("this kernel does not seal memory");
	ready();
	CHECK(mprotect(m, SIZE, PROT_READ | PROT_WRITE) && errno == EPERM);
	CHECK(munmap(m, 4096) && errno == EPERM);
	fd = open("/proc/self/mem", O_RDONLY);
	for (int i = 0; i < SIZE; i += 4096) {
		char c;

		EQUAL(pread(fd, &c, 1, (off_t)m + i), 1);
		EQUAL(c, i % (3 * 4096) ? 0 : i / 4096 % 100 + 1);
	}
	return passed();
}
