/* A pseudo-terminal of which another process has an end, or is in a session on it. */
#include "orphan.h"
#include <pty.h>
#include <sys/ioctl.h>

int main(void)
{
	int master, slave;
	char b[8];

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
	while (access(path("forked"), F_OK))
		pause_ms(2);
	signal(SIGPIPE, SIG_IGN);
	ready();
	if (resumed()) {
		EQUAL(read(master, b, 1), 0);
		CHECK(write(slave, "x", 1) < 0 && errno == EPIPE);
		return passed();
	}
	EQUAL(write(slave, "x", 1), 1);
	EQUAL(read(master, b, 1), 1);
	return passed();
}
