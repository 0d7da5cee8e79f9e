/* The terminal that is descriptor 0: its settings and its size. */
#include "stage.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void)
{
	struct termios t;
	struct winsize w = {.ws_row = 33, .ws_col = 101};
	int again = open("/dev/tty", O_RDWR);

	if (!isatty(0) || again < 0)
		failed("descriptor 0 is not the controlling terminal");
	CHECK(!tcgetattr(0, &t));
	cfmakeraw(&t);
	t.c_cc[VINTR] = 7;
	t.c_cc[VMIN] = 3;
	CHECK(!tcsetattr(0, TCSANOW, &t));
	CHECK(!ioctl(0, TIOCSWINSZ, &w));
	ready();
	CHECK(!tcgetattr(0, &t));
	CHECK(!(t.c_lflag & (ICANON | ECHO)));
	EQUAL(t.c_cc[VINTR], 7);
	EQUAL(t.c_cc[VMIN], 3);
	CHECK(!tcgetattr(again, &t)); /* went along with descriptor 0 */
	CHECK(!(t.c_lflag & ICANON));
	CHECK(!ioctl(0, TIOCGWINSZ, &w)); /* that of the terminal it is on now: 24 to 80 */
	if (resumed()) {
		EQUAL(w.ws_row, 24);
		EQUAL(w.ws_col, 80);
	} else {
		EQUAL(w.ws_row, 33);
	}
	EQUAL(tcgetpgrp(0), getpgrp());
	return passed();
}
