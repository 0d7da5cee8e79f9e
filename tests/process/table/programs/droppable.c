/*
 * What two copies of a program must not have in common: memory that the kernel
 * may drop (MAP_DROPPABLE), in which the vDSO's getrandom() has its state, and
 * memory that is wiped in a child (MADV_WIPEONFORK).
 */
#include "mapping.h"
#include <sys/mman.h>
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

enum { SIZE = 1 << 20 };

int main(void)
{
	int droppable = !strcmp(variant, "droppable");
	char *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | (droppable ? MAP_DROPPABLE : MAP_PRIVATE), -1, 0);

	if (m == MAP_FAILED)
		unable("this kernel has no memory that it drops");
	if (!droppable)
		CHECK(!madvise(m, SIZE, MADV_WIPEONFORK));
	memset(m, 'x', SIZE);
	ready();
	if (resumed()) {
		for (int i = 0; i < SIZE; i++)
			EQUAL(m[i], 0);
	} else if (!droppable) {
		for (int i = 0; i < SIZE; i++)
			EQUAL(m[i], 'x');
	}
	CHECK(has_flag(m, "wf") && has_flag(m, "dp") == droppable);
	memset(m, 'y', SIZE);
	EQUAL(m[SIZE - 1], 'y');
	return passed();
}
