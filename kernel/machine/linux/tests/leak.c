// SPDX-License-Identifier: GPL-2.0
/*
 * Takes images and gives them up, in every way there is:
 *
 *	leak N
 *
 * If anything is left of them, it shows in /proc/meminfo.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "snapshot.h"

static void take_one(int how)
{
	char *image, *half;
	u64 size;

	image = snapshot_system(&size);
	if (image == MAP_FAILED)
		err(1, "snapshot_system");
	switch (how % 4) {
	case 0:
		munmap(image, size);
		break;
	case 1:		/* In two parts */
		half = image + (size / 2 & ~4095ul);
		munmap(image, half - image);
		munmap(half, size - (half - image));
		break;
	case 2:		/* By exit */
		break;
	case 3:		/* After it was refused */
		resume_snapshot(image, size + 4096);
		munmap(image, size);
		break;
	}
}

int main(int argc, char **argv)
{
	int i, status;

	if (argc != 2)
		errx(2, "usage: leak N");
	for (i = 0; i < atoi(argv[1]); i++) {
		if (!fork()) {
			take_one(i);
			_exit(0);
		}
		if (wait(&status) < 0 || status)
			errx(1, "image %d was not taken", i);
	}
	return 0;
}
