/* The stack, and mappings that grow down as it does. */
#include "stage.h"
#include <sys/mman.h>

static int deep(int n)
{
	volatile char b[4096];

	b[0] = n;
	return n ? deep(n - 1) + b[0] - (char)n : 0;
}

int main(void)
{
	size_t room = 64 * 4096;
	char *reserved = mmap(NULL, room * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *top;

	/* A hole below, for it to grow into. */
	CHECK(!munmap(reserved, room * 2));
	top = mmap(reserved + room * 2 - 4096, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(top != MAP_FAILED);
	strcpy(top + 100, "on top");
	ready();
	deep(500); /* two megabytes */
	CHECK(!strcmp(top + 100, "on top"));
	for (int i = 1; i < 10; i++)
		top[-i * 4096] = i;
	EQUAL(top[-9 * 4096], 9);
	return passed();
}
