/* Memory of zeros, whether written, only read, or never touched; single pages among it. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	enum { PAGES = 4096 };
	char *m = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char sum = 0;

	for (int i = 0; i < PAGES; i++)
		switch (i % 5) {
		case 0: m[i * 4096 + i % 4096] = 1 + i % 100; break;
		case 1: m[i * 4096] = 0; break;
		case 2: sum += m[i * 4096]; break;
		}
	ready();
	for (int i = 0; i < PAGES; i++)
		EQUAL(m[i * 4096 + i % 4096], i % 5 ? 0 : 1 + i % 100);
	return passed();
}
