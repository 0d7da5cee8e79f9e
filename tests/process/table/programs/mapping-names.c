/* Names given to anonymous memory by PR_SET_VMA_ANON_NAME. */
#include "stage.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

int main(void)
{
	int shared = !strcmp(variant, "shared");
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0), line[512];
	int seen = 0;
	FILE *f;

	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, m, 4096, "my own"))
		unable("this kernel does not name mappings");
	m[9] = 9;
	ready();
	EQUAL(m[9], 9);
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof line, f))
		seen += strstr(line, shared ? "[anon_shmem:my own]" : "[anon:my own]") != NULL;
	EQUAL(seen, 1);
	return passed();
}
