/* A mapping of the memory of a device. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	volatile unsigned char *m;

	if (fd < 0)
		unable("no /dev/mem here");
	m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0xf0000);
	if (m == MAP_FAILED)
		unable("/dev/mem may not be mapped here");
	ready();
	(void)m[0];
	return passed();
}
