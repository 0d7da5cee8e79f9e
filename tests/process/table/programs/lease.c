/* Leases (fcntl(2), F_SETLEASE), F_NOTIFY, and hints about writing; the variant says which. */
#include "orphan.h"

static volatile int fd_of_signal;
static void on_signal(int signal, siginfo_t *info, void *context) { fd_of_signal = info->si_fd; }

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	int writes = !strcmp(variant, "write"), fd;
	uint64_t hint = 4; /* RWH_WRITE_LIFE_LONG */

	CHECK(!sigaction(SIGRTMIN + 5, &a, NULL));
	write_file("file", "text");
	fd = open(path("file"), writes ? O_RDWR : O_RDONLY);
	if (!strcmp(variant, "notify")) {
		fd = open(directory, O_RDONLY | O_DIRECTORY);
		signal(SIGIO, SIG_IGN);
		if (fcntl(fd, F_NOTIFY, DN_RENAME | DN_MULTISHOT))
			unable("F_NOTIFY");
		ready();
		return passed();
	}
	if (!strcmp(variant, "hint")) {
		if (fcntl(fd, F_SET_RW_HINT, &hint))
			unable("F_SET_RW_HINT");
		unlink(path("file")); /* so that it is made anew */
		ready();
		hint = 0;
		CHECK(!fcntl(fd, F_GET_RW_HINT, &hint));
		EQUAL(hint, 4);
		return passed();
	}
	CHECK(!fcntl(fd, F_SETSIG, SIGRTMIN + 5));
	if (fcntl(fd, F_SETLEASE, writes ? F_WRLCK : F_RDLCK))
		unable("F_SETLEASE");
	if (!strcmp(variant, "deleted"))
		unlink(path("file"));
	if (!strcmp(variant, "breaking")) {
		CHECK(open(path("file"), O_WRONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
		ready();
		CHECK(!fcntl(fd, F_SETLEASE, F_UNLCK));
		return passed();
	}
	ready();
	EQUAL(fcntl(fd, F_GETLEASE), writes ? F_WRLCK : F_RDLCK);
	EQUAL(fd_of_signal, 0); /* nobody has asked for the file */
	if (!strcmp(variant, "deleted"))
		return passed();
	if (orphan()) {
		close(open(path("file"), (writes ? O_RDONLY : O_WRONLY) | O_NONBLOCK));
		_exit(0);
	}
	for (int i = 0; i < 1000 && !fd_of_signal; i++)
		pause_ms(5);
	EQUAL(fd_of_signal, fd);
	CHECK(!fcntl(fd, F_SETLEASE, F_UNLCK));
	return passed();
}
