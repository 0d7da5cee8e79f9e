/* Directories: reading one on where it was, descriptors for openat(2), O_PATH. */
#include "stage.h"
#include <dirent.h>

int main(void)
{
	int at, only_path, seen = 0;
	struct dirent *e;
	char name[64];
	DIR *d;

	CHECK(!mkdir(path("d"), 0755));
	for (int i = 0; i < 300; i++) { /* more than one getdents(2) brings */
		snprintf(name, sizeof name, "d/a-file-of-which-there-are-many-%d", i);
		close(open(path(name), O_CREAT | O_WRONLY, 0644));
	}
	d = opendir(path("d"));
	at = open(path("d"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	only_path = open(path("d"), O_PATH);
	CHECK(d && at >= 0 && only_path >= 0);
	for (int i = 0; i < 100; i++) {
		CHECK((e = readdir(d)));
		seen += e->d_name[0] == 'a';
	}
	ready();
	while ((e = readdir(d)))
		seen += e->d_name[0] == 'a';
	EQUAL(seen, 300);
	CHECK(!faccessat(at, "a-file-of-which-there-are-many-7", F_OK, 0));
	CHECK(!faccessat(only_path, "a-file-of-which-there-are-many-7", F_OK, 0));
	CHECK(fcntl(only_path, F_GETFL) & O_PATH);
	/* No link leads from one mount to another, were it of the same filesystem. */
	CHECK(!linkat(at, "a-file-of-which-there-are-many-7", AT_FDCWD, path("linked"), 0));
	return passed();
}
