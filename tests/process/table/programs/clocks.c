/* Time goes on: no clock runs backwards. */
#include "stage.h"

int main(void)
{
	clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_COARSE};
	int64_t before[4];

	for (int i = 0; i < 4; i++)
		before[i] = now(all[i]);
	ready();
	for (int i = 0; i < 4; i++)
		CHECK(now(all[i]) >= before[i]);
	return passed();
}
