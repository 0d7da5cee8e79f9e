/* A working directory; the variant says what is the matter with it. */
#include "mounting.h"

/* gone has none that anybody could find again. */
static int gone(void)
{
	char b[512];

	CHECK(!mkdir(path("here"), 0755) && !chdir(path("here")) && !rmdir(path("here")));
	ready();
	CHECK(!getcwd(b, sizeof b) && errno == ENOENT);
	return passed();
}

int main(void)
{
	if (!strcmp(variant, "deleted"))
		return gone();
	if (!strcmp(variant, "process")) {
		CHECK(!chdir("/proc/self"));
		ready();
		CHECK(!access("comm", F_OK));
		return passed();
	}
	CHECK(!mkdir(path("file"), 0755) && !chdir(path("file")));
	close(open("inside", O_CREAT, 0644));
	if (!strcmp(variant, "overmounted"))
		mount_over(path("file"));
	ready();
	umount2(path("file"), MNT_DETACH);
	CHECK(!access("inside", F_OK));
	return passed();
}
