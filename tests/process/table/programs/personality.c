/* The personality: no address randomization, and a flag beside it. */
#include "stage.h"
#include <sys/personality.h>

int main(void)
{
	CHECK(personality(ADDR_NO_RANDOMIZE | SHORT_INODE) >= 0);
	ready();
	EQUAL(personality(0xffffffff), ADDR_NO_RANDOMIZE | SHORT_INODE);
	return passed();
}
