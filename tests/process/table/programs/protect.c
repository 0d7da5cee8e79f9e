/* What may be done to memory: pages within PROT_NONE, read-only, executable code made at run time. */
#include "stage.h"
#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf back;
static volatile uintptr_t fault;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	fault = (uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

static int faults(volatile char *p, int writes)
{
	fault = 0;
	if (sigsetjmp(back, 1))
		return fault == (uintptr_t)p;
	if (writes)
		*p = 1;
	else
		(void)*p;
	return 0;
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	char *m = mmap(NULL, 6 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const unsigned char seven[] = {0xb8, 7, 0, 0, 0, 0xc3}; /* mov $7, %eax; ret */

	CHECK(!sigaction(SIGSEGV, &a, NULL));
	for (int i = 0; i < 6; i++)
		sprintf(m + i * 4096, "page %d", i);
	memcpy(m + 5 * 4096, seven, sizeof seven);
	CHECK(!mprotect(m + 4096, 4096, PROT_NONE) && !mprotect(m + 3 * 4096, 4096, PROT_READ));
	CHECK(!mprotect(m + 5 * 4096, 4096, PROT_READ | PROT_EXEC));
	ready();
	CHECK(!strcmp(m, "page 0") && !strcmp(m + 2 * 4096, "page 2"));
	CHECK(faults(m + 4096, 0));
	CHECK(!strcmp(m + 3 * 4096, "page 3") && faults(m + 3 * 4096, 1));
	EQUAL(((int (*)(void))(m + 5 * 4096))(), 7);
	CHECK(faults(m + 5 * 4096, 1));
	CHECK(!mprotect(m + 4096, 4096, PROT_READ));
	CHECK(!strcmp(m + 4096, "page 1"));
	return passed();
}
