/* Protection keys: which memory has which, and what each thread may do with it. */
#include "mapping.h"
#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf away;

static void on_fault(int signal) { siglongjmp(away, 1); }

static int writable(volatile char *p)
{
	if (sigsetjmp(away, 1))
		return 0;
	*p = *p;
	return 1;
}

static int key_of(char *m)
{
	char line[64];
	int key;

	smaps_line(m, "ProtectionKey:", line, sizeof line);
	CHECK(sscanf(line, "ProtectionKey: %d", &key) == 1);
	return key;
}

int main(void)
{
	int freed = pkey_alloc(0, 0), key = pkey_alloc(0, 0), hidden = pkey_alloc(0, 0);
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (key < 0)
		unable("this CPU has no protection keys");
	*m = 5;
	*h = 7;
	CHECK(!pkey_free(freed));
	CHECK(!pkey_mprotect(m, 4096, PROT_READ | PROT_WRITE, key));
	CHECK(!pkey_mprotect(h, 4096, PROT_READ | PROT_WRITE, hidden));
	CHECK(!pkey_set(key, PKEY_DISABLE_WRITE));
	CHECK(!pkey_set(hidden, PKEY_DISABLE_ACCESS));
	signal(SIGSEGV, on_fault);
	ready();
	EQUAL(pkey_get(key), PKEY_DISABLE_WRITE);
	EQUAL(pkey_get(hidden), PKEY_DISABLE_ACCESS);
	EQUAL(key_of(m), key);
	EQUAL(key_of(h), hidden);
	EQUAL(*m, 5);
	CHECK(!writable(m) && !writable(h));
	CHECK(!pkey_set(key, 0) && !pkey_set(hidden, 0));
	CHECK(writable(m));
	EQUAL(*h, 7);
	EQUAL(pkey_alloc(0, 0), freed);
	CHECK(!pkey_free(key) && !pkey_free(hidden));
	return passed();
}
