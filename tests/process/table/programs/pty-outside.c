/* A pseudo-terminal of which another process has an end, or is in a session on it. */
#include "orphan.h"
#include <pty.h>
#include <sys/ioctl.h>

int main(void)
{
	int master, slave;

	CHECK(!openpty(&master, &slave, NULL, NULL, NULL));
	if (orphan()) {
		if (!strcmp(variant, "session")) {
			EQUAL(setsid(), getpid());
			signal(SIGHUP, SIG_IGN);
			CHECK(!ioctl(slave, TIOCSCTTY, 0));
			close_others(-1);
		} else {
			close(strcmp(variant, "master") ? master : slave);
		}
		write_file("forked", "");
		for (;;)
			pause_ms(1000);
	}
	return both_have_it(master, slave);
}
