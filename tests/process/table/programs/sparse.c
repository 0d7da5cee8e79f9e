/* 256 GiB of address space of which little is used, and as much that is only read. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	size_t each = 64ULL << 30;
	char *m[4], *read_only;

	for (int i = 0; i < 4; i++) {
		m[i] = mmap(NULL, each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (m[i] == MAP_FAILED)
			unable("so much address space is not to be had");
		for (size_t k = 0; k < each; k += each / 16)
			m[i][k] = 1 + k / (each / 16);
	}
	read_only = mmap(NULL, 4 * each, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (read_only == MAP_FAILED)
		unable("so much address space is not to be had");
	ready();
	for (int i = 0; i < 4; i++) {
		for (size_t k = 0; k < each; k += each / 16)
			EQUAL(m[i][k], 1 + k / (each / 16));
		EQUAL(m[i][each / 32], 0);
	}
	EQUAL(read_only[each], 0);
	return passed();
}
