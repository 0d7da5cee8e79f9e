/* Files that are open and deleted: content, holes, offset, O_TMPFILE, mapped. */
#include "stage.h"
#include <sys/mman.h>
#include <sys/xattr.h>

int main(void)
{
	if (!strcmp(variant, "attribute")) {
		int fd = open(path("gone"), O_RDWR | O_CREAT, 0600);

		if (fsetxattr(fd, "user.note", "1", 1, 0))
			unable("extended attributes");
		CHECK(!unlink(path("gone")));
		ready();
		EQUAL(fgetxattr(fd, "user.note", NULL, 0), 1);
		return passed();
	}
	if (!strcmp(variant, "no-mode")) {
		int fd = open(path("gone"), O_RDWR | O_CREAT, 0600);
		struct stat st;
		char b[4];

		CHECK(!unlink(path("gone")));
		EQUAL(write(fd, "abc", 3), 3);
		CHECK(!fchmod(fd, 0));
		ready();
		EQUAL(lseek(fd, 0, SEEK_CUR), 3);
		EQUAL(pread(fd, b, 4, 0), 3);
		CHECK(!memcmp(b, "abc", 3));
		CHECK(!fstat(fd, &st));
		EQUAL(st.st_mode & 0777, 0);
		CHECK(!fchmod(fd, 1));
		return passed();
	}
	if (!strcmp(variant, "unreadable")) {
		int fd = open(path("gone"), O_WRONLY | O_CREAT, 0200);

		CHECK(!unlink(path("gone")));
		EQUAL(write(fd, "x", 1), 1);
		ready();
		EQUAL(write(fd, "x", 1), 1);
		return passed();
	}
	int fd = open(path("gone"), O_RDWR | O_CREAT, 0640), temporary, reader, length;
	char b[8], *mapped, name[64];
	struct stat st;

	CHECK(!ftruncate(fd, 1 << 20));
	EQUAL(pwrite(fd, "deleted", 7, 500000), 7);
	reader = open(path("gone"), O_RDONLY); /* an open file of its own on the same inode */
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(mapped != MAP_FAILED);
	CHECK(!unlink(path("gone")));
	EQUAL(lseek(fd, 500002, SEEK_SET), 500002);
	temporary = open(directory, O_TMPFILE | O_RDWR, 0604);
	CHECK(temporary >= 0);
	EQUAL(write(temporary, "unnamed", 7), 7);
	CHECK(!futimens(fd, (struct timespec[]){{1, 0}, {1234567890, 5}}));
	ready();
	CHECK(!fstat(fd, &st));
	if (!resumed())
		EQUAL(st.st_atim.tv_sec, 1);
	EQUAL(st.st_mtim.tv_sec, 1234567890);
	EQUAL(st.st_mtim.tv_nsec, 5);
	EQUAL(read(fd, b, 5), 5);
	CHECK(!memcmp(b, "leted", 5));
	EQUAL(pread(fd, b, 8, 100), 8);
	EQUAL(b[0], 0);
	CHECK(!fstat(fd, &st));
	EQUAL(st.st_size, 1 << 20);
	EQUAL(st.st_nlink, 0);
	EQUAL(st.st_mode & 0777, 0640);
	EQUAL(pwrite(fd, "both", 4, 0), 4);
	EQUAL(pread(reader, b, 4, 0), 4);
	CHECK(!memcmp(b, "both", 4) && !memcmp(mapped, "both", 4));
	length = lseek(temporary, 0, SEEK_CUR);
	EQUAL(length, 7);
	EQUAL(pread(temporary, b, 8, 0), 7);
	CHECK(!memcmp(b, "unnamed", 7));
	snprintf(name, sizeof name, "/proc/self/fd/%d", temporary);
	CHECK(!linkat(AT_FDCWD, name, AT_FDCWD, path("named"), AT_SYMLINK_FOLLOW));
	CHECK(!stat(path("named"), &st));
	EQUAL(st.st_size, 7);
	EQUAL(st.st_mode & 0777, 0604);
	return passed();
}
