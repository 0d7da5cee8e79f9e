// A program with a pseudo-terminal in which a line and some output wait. Every 10 ms it
// prints a line: how often, how many disturbances, the last one. A disturbance is that
// less waits there, or that its modes are other ones.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int main(void) {
	int disturbances = 0, n, m, slave, master;
	const char *last = "none";
	struct termios modes;

	close_range(3, ~0u, 0);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (write(master, "line\n", 5) != 5 || write(slave, "output", 6) != 6)
		return 1;
	do
		ioctl(master, FIONREAD, &m);
	while (m < 12);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int beat = 1;; beat++) {
		usleep(10000);
		last = "none";
		if (ioctl(slave, FIONREAD, &n) != 0 || n != 5)
			last = "the line";
		if (ioctl(master, FIONREAD, &m) != 0 || m != 12)
			last = "the output";
		if (tcgetattr(slave, &modes) != 0 || !(modes.c_lflag & ECHO) || !(modes.c_lflag & ISIG))
			last = "the modes";
		if (fcntl(master, F_GETFL) & O_NONBLOCK)
			last = "the flags";
		if (last[0] != 'n')
			disturbances++;
		printf("%d %d %s\n", beat, disturbances, last);
	}
}
