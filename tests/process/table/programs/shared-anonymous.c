/* Anonymous shared memory, also where two mappings of it see each other. */
#include "stage.h"
#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf back;

static void bus(int signal) { siglongjmp(back, signal); }

/* beyond is mapped longer than it is. */
static int beyond(void)
{
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	strcpy(m + 4096, "last");
	m = mremap(m, 8192, 16384, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	signal(SIGBUS, bus);
	ready();
	CHECK(!strcmp(m + 4096, "last"));
	int got = sigsetjmp(back, 1);
	if (!got)
		*(volatile char *)(m + 8192) = 1;
	EQUAL(got, SIGBUS);
	return passed();
}

int main(void)
{
	if (!strcmp(variant, "beyond"))
		return beyond();
	char *one = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *two, *zero, *part, line[512];
	int fd = open("/dev/zero", O_RDWR);

	/* An old size of 0 makes a second mapping of the same pages: mremap(2). */
	two = mremap(one, 0, 1 << 20, MREMAP_MAYMOVE);
	zero = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(one != MAP_FAILED && two != MAP_FAILED && zero != MAP_FAILED && one != two);
	part = mremap(one + 131072, 0, 1 << 19, MREMAP_MAYMOVE);
	CHECK(part != MAP_FAILED && !mprotect(part, 1 << 19, PROT_READ));
	strcpy(one + 500000, "shared");
	strcpy(zero + 4096, "zero");
	ready();
	CHECK(!strcmp(one + 500000, "shared") && !strcmp(two + 500000, "shared"));
	CHECK(!strcmp(zero + 4096, "zero") && !*zero);
	strcpy(two + 700000, "still");
	CHECK(!strcmp(one + 700000, "still"));
	CHECK(!strcmp(part + 500000 - 131072, "shared") && mprotect(part, 4096, PROT_READ | PROT_WRITE) == 0);
	*part = 1;
	EQUAL(one[131072], 1);
	/* It is what it was in the list of mappings too. */
	FILE *f = fopen("/proc/self/maps", "r");
	int seen = 0;
	while (fgets(line, sizeof line, f))
		seen += strstr(line, " /dev/zero (deleted)") != NULL;
	EQUAL(seen, 5); /* one, two, zero, and part in two by now */
	return passed();
}
