/* Files mapped shared and private, with pages of a private one written to. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0644);
	char *shared, *private, *readonly, *end, b[16] = "";

	CHECK(!ftruncate(fd, 5 * 4096 + 100));
	for (int i = 0; i < 5; i++)
		EQUAL(pwrite(fd, "page", 4, i * 4096), 4);
	shared = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	private = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 2 * 4096);
	end = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 5 * 4096); /* two pages past the end */
	close(fd);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED && readonly != MAP_FAILED && end != MAP_FAILED);
	strcpy(private + 3 * 4096, "mine alone");
	memset(private + 2 * 4096, 0, 4096); /* zeros, where the file has none */
	end[50] = 'e';
	CHECK(mprotect(private + 3 * 4096, 4096, PROT_READ) == 0);
	ready();
	CHECK(!strcmp(private + 3 * 4096, "mine alone"));
	EQUAL(private[2 * 4096], 0);
	CHECK(!memcmp(private + 4096, "page", 4) && !memcmp(readonly, "page", 4));
	EQUAL(end[50], 'e');
	strcpy(shared + 4096, "written");
	fd = open(path("file"), O_RDONLY);
	EQUAL(pread(fd, b, 7, 2 * 4096), 7);
	CHECK(!strcmp(b, "written"));
	CHECK(!strcmp(readonly, "written")); /* never written to: it still shows the file */
	EQUAL(pread(fd, b, 7, 3 * 4096), 7);
	CHECK(!memcmp(b, "page", 4));
	return passed();
}
