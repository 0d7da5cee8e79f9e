// SPDX-License-Identifier: GPL-2.0
/*
 * Resumes an image as it lies on a device or in a file, mapped:
 *
 *	resume FILE
 */
#include <err.h>
#include <fcntl.h>
#include <unistd.h>

#include "snapshot.h"

/* Where the header, struct swsusp_info, has the image's size on x86-64 */
#define SIZE_OFFSET 432

int main(int argc, char **argv)
{
	void *image;
	u64 size;
	int fd;

	if (argc != 2)
		errx(2, "usage: resume FILE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || pread(fd, &size, sizeof(size), SIZE_OFFSET) != sizeof(size))
		err(1, "%s", argv[1]);
	image = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		err(1, "mmap %s", argv[1]);
	resume_snapshot(image, size);
	err(1, "resume_snapshot");
}
