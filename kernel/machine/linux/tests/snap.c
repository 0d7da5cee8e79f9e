// SPDX-License-Identifier: GPL-2.0
/*
 * Takes an image of the system and writes it out by direct I/O, right from its
 * pages:
 *
 *	snap FILE
 *
 * Exits with 0 when the image is written, and with 3 in the system that was
 * resumed from it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <unistd.h>

#include "snapshot.h"

#define CHUNK (1 << 20)

int main(int argc, char **argv)
{
	u64 size, done;
	char *image;
	ssize_t n;
	int fd;

	if (argc != 2)
		errx(2, "usage: snap FILE");
	fd = open(argv[1], O_WRONLY | O_DIRECT);
	if (fd < 0)
		err(1, "%s", argv[1]);
	image = snapshot_system(&size);
	if (image == MAP_FAILED)
		err(1, "snapshot_system");
	if (!image)
		return 3;
	for (done = 0; done < size; done += n) {
		n = write(fd, image + done, size - done < CHUNK ? size - done : CHUNK);
		if (n <= 0)
			err(1, "writing %s", argv[1]);
	}
	if (fsync(fd))
		err(1, "fsync %s", argv[1]);
	return 0;
}
