// SPDX-License-Identifier: GPL-2.0
/*
 * Takes many images and gives them up in every way there is, and fails if
 * there is less free memory afterwards.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "snapshot.h"

#define IMAGES 50
#define ALLOWED 2048	/* kB, for what the kernel keeps in its own caches */

static long mem_free(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	long kb;

	if (!f || fscanf(f, "MemTotal: %*d kB MemFree: %ld", &kb) != 1)
		err(1, "/proc/meminfo");
	fclose(f);
	return kb;
}

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

int main(void)
{
	long before = 0, lost;
	int i, status;

	for (i = -4; i < IMAGES; i++) {
		if (!fork()) {
			take_one(i + 4);
			_exit(0);
		}
		if (wait(&status) < 0 || status)
			errx(1, "image %d was not taken", i);
		if (i < 0)
			before = mem_free();
	}
	lost = before - mem_free();
	printf("%ld kB less are free after %d images\n", lost, IMAGES);
	return lost > ALLOWED;
}
