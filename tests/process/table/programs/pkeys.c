/* Protection keys: which memory has which, and what each thread may do with it. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	int key = pkey_alloc(0, 0);
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (key < 0)
		unable("this CPU has no protection keys");
	*m = 5;
	CHECK(!pkey_mprotect(m, 4096, PROT_READ | PROT_WRITE, key));
	CHECK(!pkey_set(key, PKEY_DISABLE_WRITE));
	ready();
	EQUAL(pkey_get(key), PKEY_DISABLE_WRITE);
	EQUAL(*m, 5);
	CHECK(!pkey_set(key, 0));
	*m = 6;
	CHECK(!pkey_free(key));
	return passed();
}
