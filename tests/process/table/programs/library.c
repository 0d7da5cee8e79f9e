/* A library whose file is replaced or gone by the time of the resume, as is the program's own. */
#include "stage.h"
#include <math.h>

int main(void)
{
	volatile double x = 0.5;

	ready();
	CHECK(fabs(sin(x) * sin(x) + cos(x) * cos(x) - 1) < 1e-12); /* not called before: pages that nobody had touched */
	return passed();
}
