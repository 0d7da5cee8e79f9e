/* A pseudo-terminal of which the process holds both ends. */
#include "stage.h"
#include <pty.h>

int main(void)
{
	int master, slave;
	char b[16];

	CHECK(!openpty(&master, &slave, NULL, NULL, NULL));
	ready();
	EQUAL(write(slave, "out", 3), 3);
	EQUAL(read(master, b, sizeof b), 3);
	return passed();
}
