/* The heap of brk(2) grows and shrinks on from where it was. */
#include "stage.h"

int main(void)
{
	char *begin = sbrk(0), *end;

	CHECK(sbrk(3 * 4096 + 100) == begin);
	strcpy(begin + 3 * 4096, "on the heap");
	ready();
	end = sbrk(0);
	EQUAL(end - begin, 3 * 4096 + 100);
	CHECK(!strcmp(begin + 3 * 4096, "on the heap"));
	CHECK(sbrk(1 << 20) == end);
	end[(1 << 20) - 1] = 1;
	CHECK(!brk(begin + 4096));
	EQUAL((char *)sbrk(0) - begin, 4096);
	free(malloc(100000));
	return passed();
}
