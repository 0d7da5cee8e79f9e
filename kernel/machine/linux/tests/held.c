// SPDX-License-Identifier: GPL-2.0
/*
 * Says how large an image is, and how much memory giving it up frees, both in
 * bytes.
 */
#include <err.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "snapshot.h"

static u64 unused(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		err(1, "sysinfo");
	return (u64)info.freeram * info.mem_unit;
}

int main(void)
{
	u64 size, before;
	void *image = snapshot_system(&size);

	if (image == MAP_FAILED)
		err(1, "snapshot_system");
	before = unused();
	munmap(image, size);
	printf("%lu %lu\n", size, unused() - before);
	return 0;
}
