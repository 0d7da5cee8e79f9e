/* A mapped file that is another by the time of the resume; the variant says how mapped. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644);
	int shared = !strcmp(variant, "shared");
	char *mapped, page[4096];

	for (int i = 0; i < 8; i++) {
		memset(page, 'a' + i, sizeof page);
		EQUAL(write(fd, page, sizeof page), sizeof page);
	}
	mapped = mmap(NULL, sizeof page * 8, PROT_READ | (shared ? PROT_WRITE : 0), shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	CHECK(mapped != MAP_FAILED);
	close(fd);
	ready();
	for (int i = 0; i < 8; i++)
		EQUAL(mapped[i * 4096 + 100], 'a' + i);
	return passed();
}
