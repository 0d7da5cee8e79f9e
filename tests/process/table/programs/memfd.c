/* memfd: content, holes, seals, offset, a mapping of it. */
#include "stage.h"
#include <sys/mman.h>

int main(void)
{
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC), plain = memfd_create("plain", 0), fd;
	char *mapped, b[8], name[64] = "";
	struct stat st;

	EQUAL(write(sealed, "fixed", 5), 5);
	CHECK(!fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	CHECK(!ftruncate(plain, 1 << 20));
	EQUAL(pwrite(plain, "middle", 6, 600000), 6);
	EQUAL(lseek(plain, 600003, SEEK_SET), 600003);
	mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, plain, 0);
	CHECK(mapped != MAP_FAILED);
	strcpy(mapped, "by the mapping");
	fd = memfd_create("mapped only", 0);
	CHECK(!ftruncate(fd, 8192));
	char *only = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(only + 4096, "no descriptor");
	close(fd);
	char *own = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, plain, 0);
	own[0] = 'o';
	fd = memfd_create("mapped privately", 0);
	CHECK(!ftruncate(fd, 8192));
	char *alone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	EQUAL(pwrite(fd, "z", 1, 4096), 1);
	alone[0] = 'a';
	close(fd);
	ready();
	EQUAL(fcntl(sealed, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	CHECK(pwrite(sealed, "x", 1, 0) < 0 && errno == EPERM);
	EQUAL(pread(sealed, b, 8, 0), 5);
	CHECK(!memcmp(b, "fixed", 5));
	EQUAL(lseek(sealed, 0, SEEK_CUR), 5);
	EQUAL(fcntl(sealed, F_GETFD), FD_CLOEXEC);
	EQUAL(read(plain, b, 3), 3);
	CHECK(!memcmp(b, "dle", 3));
	CHECK(!fstat(plain, &st));
	EQUAL(st.st_size, 1 << 20);
	CHECK(st.st_blocks <= 32); /* holes are still holes */
	EQUAL(pread(plain, b, 8, 0), 8);
	CHECK(!memcmp(b, "by the m", 8));
	EQUAL(pwrite(plain, "BY", 2, 0), 2);
	CHECK(!strcmp(mapped, "BY the mapping")); /* still the same pages */
	CHECK(!strcmp(only + 4096, "no descriptor"));
	EQUAL(own[0], 'o'); /* of a private mapping the rest is still the file's */
	EQUAL(pwrite(plain, "later", 5, 8192), 5);
	CHECK(!memcmp(own + 8192, "later", 5));
	EQUAL(alone[0], 'a');
	EQUAL(alone[4096], 'z');
	snprintf(b, sizeof b, "%d", plain);
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%s", b);
	CHECK(readlink(link, name, sizeof name - 1) > 0);
	CHECK(strstr(name, "/memfd:plain"));
	return passed();
}
