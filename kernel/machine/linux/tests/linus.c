// SPDX-License-Identifier: GPL-2.0
/* The test of 2007.  Exits with 0 in the system that was resumed. */
#include "snapshot.h"

int main(void)
{
	u64 size;
	void *buffer = snapshot_system(&size);
	if (buffer != MAP_FAILED)
		resume_snapshot(buffer, size);
	return buffer != NULL;
}
