/* Pseudo-terminals of which the processes hold the master side. */
#include "family.h"
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

static int master, slave;

/* begin_pair makes a pair, and another, so that its number is not the lowest that is free. */
static void begin_pair(void)
{
	int lower = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	CHECK(lower >= 0);
	CHECK(!openpty(&master, &slave, NULL, NULL, NULL));
	close(lower);
}

/* holds waits until the master has so many bytes to read, the echo among them. */
static void holds(int size)
{
	int n = -1;

	for (int i = 0; i < 10000 && n != size; i++) {
		CHECK(!ioctl(master, FIONREAD, &n));
		pause_ms(1);
	}
	EQUAL(n, size);
}

/* type_in types, and waits until the master then has so many bytes to read. */
static void type_in(const char *keys, int size, int then)
{
	EQUAL(write(master, keys, size), size);
	holds(then);
}

/* reads checks what one read gives. */
static void reads(int fd, const char *want, int size)
{
	char got[8192];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	EQUAL(poll(&p, 1, 10000), 1);
	n = read(fd, got, sizeof got);
	CHECK(n >= 0);
	if (n != size || memcmp(got, want, size))
		failed("read %d bytes, %.*s, not %d, %.*s", n, n, got, size, size, want);
}

/* reads_all checks what several reads give. */
static void reads_all(int fd, const char *want, int size)
{
	char got[8192];
	int have = 0;

	while (have < size) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n;

		EQUAL(poll(&p, 1, 10000), 1);
		n = read(fd, got + have, size - have);
		CHECK(n > 0);
		have += n;
	}
	if (memcmp(got, want, size))
		failed("read %.*s, not %.*s", size, got, size, want);
}

/* nothing checks that there is no more to be read. */
static void nothing(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	EQUAL(poll(&p, 1, 20), 0);
}

#define READS(fd, text) reads(fd, text, sizeof text - 1)

static struct termios modes(int fd)
{
	struct termios t;

	CHECK(!tcgetattr(fd, &t));
	return t;
}

static void raw(int fd)
{
	struct termios t = modes(fd);

	cfmakeraw(&t);
	CHECK(!tcsetattr(fd, TCSANOW, &t));
}

/* Modes, window, mode of the file, and a name that leads to it. */
static int state(void)
{
	struct termios t, was;
	struct winsize w = {33, 99, 7, 8}, is = {0};
	struct stat s;
	int again;

	begin_pair();
	t = modes(slave);
	t.c_lflag &= ~ECHOE;
	t.c_cc[VERASE] = 'x';
	t.c_cc[VEOL] = ';';
	t.c_iflag |= IUTF8;
	cfsetspeed(&t, B9600);
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	CHECK(!ioctl(master, TIOCSWINSZ, &w));
	CHECK(!fchmod(slave, 0604));
	was = modes(slave);
	ready();
	t = modes(slave);
	CHECK(!memcmp(&t, &was, sizeof t));
	CHECK(!ioctl(slave, TIOCGWINSZ, &is));
	CHECK(!memcmp(&w, &is, sizeof w));
	CHECK(!fstat(slave, &s));
	EQUAL(s.st_mode, S_IFCHR | 0604);
	CHECK((again = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	EQUAL(write(again, "out\n", 4), 4);
	holds(5);
	READS(master, "out\r\n");
	type_in("a;b\n", 4, 5);
	READS(slave, "a;");
	READS(again, "b\n");
	EQUAL(fcntl(master, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
	return passed();
}

/* Lines that were not read, an end of file, one that is not ended, and output. */
static int lines(void)
{
	begin_pair();
	CHECK(!fcntl(master, F_SETFL, O_NONBLOCK));
	type_in("first\n\x04no newline\x04", 18, 7 + 10);
	type_in("quoted \x16\x03 and \x16\x16\n", 17, 17 + 22);
	type_in("unfin", 5, 39 + 5);
	EQUAL(write(slave, "out\n", 4), 4);
	holds(49);
	ready();
	READS(slave, "first\n");
	READS(slave, "");
	READS(slave, "no newline");
	READS(slave, "quoted \x03 and \x16\n");
	nothing(slave);
	READS(master, "first\r\nno newlinequoted ^\b^C and ^\b^V\r\nunfinout\r\n");
	type_in("\x7f\x7f" "ished\n", 8, 2 * 3 + 5 + 2);
	READS(slave, "unfished\n");
	nothing(slave);
	EQUAL(fcntl(master, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
	return passed();
}

/* Bytes wait both ways, where there are no lines. */
static int both_ways(const char *all, int size)
{
	begin_pair();
	raw(slave);
	type_in(all, size, 0);
	EQUAL(write(slave, all, size), size);
	ready();
	reads_all(slave, all, size);
	reads_all(master, all, size);
	nothing(slave);
	nothing(master);
	return passed();
}

/* No lines: all characters, both ways. */
static int bytes(void)
{
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = i;
	return both_ways(all, sizeof all);
}

/* More than a terminal looks at. */
static int many(void)
{
	char all[7000];

	for (unsigned i = 0; i < sizeof all; i++)
		all[i] = 'a' + i % 23;
	return both_ways(all, sizeof all);
}

static int writable(void)
{
	struct pollfd p = {.fd = slave, .events = POLLOUT};

	return poll(&p, 1, 0);
}

/* Output that is stopped, by ^S or a call. */
static int output_stopped(void)
{
	int by_call = !strcmp(variant, "stopped-by-call");

	begin_pair();
	EQUAL(write(slave, "out\n", 4), 4);
	if (by_call)
		CHECK(!tcflow(slave, TCOOFF));
	else
		EQUAL(write(master, "\x13", 1), 1);
	for (int i = 0; i < 10000 && writable(); i++)
		pause_ms(1);
	EQUAL(writable(), 0);
	ready();
	READS(master, "out\r\n");
	EQUAL(writable(), 0);
	EQUAL(write(master, "\x11", 1), 1);
	if (by_call) {
		pause_ms(20);
		EQUAL(writable(), 0);
		CHECK(!tcflow(slave, TCOON));
	}
	for (int i = 0; i < 10000 && !writable(); i++)
		pause_ms(1);
	EQUAL(writable(), 1);
	return passed();
}

/* Packets, a lock, and a terminal that is exclusive. */
static int packets(void)
{
	int on = 1, is = 0;

	begin_pair();
	EQUAL(write(slave, "out\n", 4), 4);
	CHECK(!ioctl(master, TIOCPKT, &on));
	CHECK(!ioctl(master, TIOCSPTLCK, &on));
	CHECK(!ioctl(slave, TIOCEXCL));
	ready();
	READS(master, "\0out\r\n");
	CHECK(!tcflush(slave, TCIFLUSH));
	READS(master, "\1");
	CHECK(!ioctl(master, TIOCGPTLCK, &is));
	EQUAL(is, 1);
	is = 0;
	CHECK(!ioctl(slave, TIOCGEXCL, &is));
	EQUAL(is, 1);
	return passed();
}

/* A slave that nobody has opened yet. */
static int unopened(void)
{
	struct pollfd p;

	CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	if (strcmp(variant, "locked"))
		CHECK(!unlockpt(master));
	ready();
	p = (struct pollfd){.fd = master, .events = POLLIN};
	EQUAL(poll(&p, 1, 0), 0);
	CHECK(open(ptsname(master), O_RDWR | O_NOCTTY) >= 0 || !strcmp(variant, "locked"));
	CHECK(!unlockpt(master));
	CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	EQUAL(write(slave, "out\n", 4), 4);
	holds(5);
	READS(master, "out\r\n");
	return passed();
}

/* A slave that was closed. */
static int closed(void)
{
	char b[1];

	begin_pair();
	EQUAL(write(slave, "last words\n", 11), 11);
	holds(12);
	type_in("unread\n", 7, 20);
	close(slave);
	ready();
	READS(master, "last words\r\nunread\r\n");
	CHECK(read(master, b, 1) < 0);
	CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	READS(slave, "unread\n");
	EQUAL(write(slave, "again\n", 6), 6);
	holds(7);
	READS(master, "again\r\n");
	return passed();
}

/* A terminal that was hung up. */
static int hung_up(void)
{
	struct pollfd p;
	char b[1];
	int twin;

	begin_pair();
	CHECK((twin = open(ptsname(master), O_RDONLY | O_NOCTTY)) >= 0);
	close(master);
	ready();
	p = (struct pollfd){.fd = slave, .events = POLLIN};
	EQUAL(poll(&p, 1, 0), 1);
	EQUAL(p.revents, POLLIN | POLLHUP | POLLERR);
	EQUAL(read(slave, b, 1), 0);
	EQUAL(read(twin, b, 1), 0);
	CHECK(write(slave, "x", 1) < 0);
	CHECK(!isatty(slave));
	EQUAL(fcntl(twin, F_GETFL) & O_ACCMODE, O_RDONLY);
	return passed();
}

/* Several open files of one end, and descriptors of each. */
static int several(void)
{
	int reading, waits_not, copy, copy_of_master;

	begin_pair();
	CHECK((reading = open(ptsname(master), O_RDONLY | O_NOCTTY)) >= 0);
	CHECK((waits_not = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK)) >= 0);
	CHECK((copy = dup(waits_not)) >= 0);
	CHECK((copy_of_master = dup(master)) >= 0);
	type_in("one\ntwo\n", 8, 10);
	ready();
	READS(reading, "one\n");
	READS(copy, "two\n");
	CHECK(write(reading, "x", 1) < 0);
	EQUAL(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
	EQUAL(fcntl(copy, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK(!fcntl(copy, F_SETFL, 0));
	EQUAL(fcntl(waits_not, F_GETFL) & O_NONBLOCK, 0);
	READS(copy_of_master, "one\r\ntwo\r\n");
	CHECK(!fcntl(copy_of_master, F_SETFL, O_NONBLOCK));
	EQUAL(fcntl(master, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	/* None of them is anybody's controlling terminal. */
	CHECK(ioctl(master, TIOCGSID, &copy) < 0);
	return passed();
}

static volatile sig_atomic_t interrupted, hung, resized;
static void on_interrupt(int signal) { interrupted++; }
static void on_hangup(int signal) { hung++; }
static void on_resize(int signal) { resized++; }

/* take_terminal begins a session on the slave. */
static void take_terminal(void)
{
	EQUAL(setsid(), getpid());
	CHECK(!ioctl(slave, TIOCSCTTY, 0));
	signal(SIGTTOU, SIG_IGN);
}

static void wait_until(volatile sig_atomic_t *v)
{
	for (int i = 0; i < 10000 && !*v; i++)
		pause_ms(1);
	EQUAL(*v, 1);
}

/* A session on a terminal, with a job in its foreground, one that is stopped, and one without it. */
static int session(void)
{
	int status, group = 0, sid = 0;
	pid_t leader, last;
	struct winsize w = {40, 90, 0, 0};

	begin_pair();
	if (!(leader = born())) {
		pid_t front, stopped, without;
		int tty;

		close(master);
		take_terminal();
		CHECK((tty = open("/dev/tty", O_RDWR)) >= 0);
		if (!(front = born())) {
			signal(SIGINT, on_interrupt);
			signal(SIGWINCH, on_resize);
			CHECK(!setpgid(0, 0));
			CHECK(!tcsetpgrp(tty, getpid()));
			write_file("front", "");
			await_go();
			EQUAL(tcgetpgrp(tty), getpid());
			wait_until(&resized);
			wait_until(&interrupted);
			EQUAL(write(tty, "front\n", 6), 6);
			_exit(0);
		}
		if (!(stopped = born())) {
			CHECK(!setpgid(0, 0));
			signal(SIGTTIN, SIG_DFL);
			write_file("stopped", "");
			read(slave, &status, 1);
			_exit(0);
		}
		if (!(without = born())) {
			CHECK(!ioctl(tty, TIOCNOTTY));
			write_file("without", "");
			await_go();
			CHECK(open("/dev/tty", O_RDWR) < 0 && errno == ENXIO);
			_exit(0);
		}
		EQUAL(waitpid(stopped, &status, WUNTRACED), stopped);
		CHECK(WIFSTOPPED(status));
		EQUAL(WSTOPSIG(status), SIGTTIN);
		while (access(path("front"), F_OK) || access(path("without"), F_OK))
			pause_ms(1);
		write_file("leads", "");
		await_go();
		EQUAL(waitpid(front, &status, 0), front);
		EQUAL(status, 0);
		EQUAL(waitpid(without, &status, 0), without);
		EQUAL(status, 0);
		CHECK(!tcsetpgrp(slave, stopped));
		CHECK(!kill(-stopped, SIGCONT));
		EQUAL(waitpid(stopped, &status, 0), stopped);
		EQUAL(status, 0);
		CHECK(!tcsetpgrp(tty, getpid()));
		signal(SIGHUP, on_hangup);
		write_file("leader", "");
		wait_until(&hung);
		_exit(0);
	}
	close(slave);
	while (access(path("leads"), F_OK))
		pause_ms(1);
	ready();
	CHECK(!ioctl(master, TIOCGSID, &sid));
	EQUAL(sid, leader);
	CHECK(!ioctl(master, TIOCGPGRP, &group));
	CHECK(group != leader);
	CHECK(!ioctl(master, TIOCSWINSZ, &w));
	EQUAL(write(master, "\x03", 1), 1);
	reads_all(master, "^Cfront\r\n", 9);
	type_in("line\n", 5, 6);
	while (access(path("leader"), F_OK))
		pause_ms(1);
	close(master);
	last = waitpid(leader, &status, 0);
	EQUAL(last, leader);
	EQUAL(status, 0);
	return passed();
}

/* The first process has a terminal whose other side is its own, or its child's. */
static int own(void)
{
	int tty, sid = 0;
	pid_t child = 0;

	begin_pair();
	if (!strcmp(variant, "own-with-child") && !(child = born())) {
		close(slave);
		await_go();
		CHECK(getsid(0) != getppid()); /* born before */
		EQUAL(write(master, "\x03", 1), 1);
		_exit(0);
	}
	if (getsid(0) != getpid())
		EQUAL(setsid(), getpid());
	CHECK(!ioctl(slave, TIOCSCTTY, 0));
	signal(SIGINT, on_interrupt);
	CHECK((tty = open("/dev/tty", O_RDWR)) >= 0);
	ready();
	CHECK(!ioctl(master, TIOCGSID, &sid));
	EQUAL(sid, getpid());
	EQUAL(tcgetpgrp(tty), getpgrp());
	CHECK(!strcmp(ttyname(tty), "/dev/tty"));
	CHECK(!strcmp(ttyname(slave), ptsname(master)));
	if (!child)
		EQUAL(write(master, "\x03", 1), 1);
	wait_until(&interrupted);
	if (child)
		EQUAL(waitpid(child, NULL, 0), child);
	return passed();
}

/* Numbers that are typed, echoed, read and answered, all the time. */
static int traffic(void)
{
	pid_t child;
	long sent = 0, answered = 0;
	char line[64];
	struct termios t;
	FILE *f;

	begin_pair();
	t = modes(slave);
	t.c_lflag &= ~ECHO;
	CHECK(!tcsetattr(slave, TCSANOW, &t));
	if (!(child = born())) {
		long n, expected = 0;
		FILE *tty;

		close(master);
		take_terminal();
		CHECK((tty = fdopen(slave, "r+")));
		while (fgets(line, sizeof line, tty)) {
			n = atol(line);
			if (n < 0)
				break;
			EQUAL(n, expected);
			expected++;
			snprintf(line, sizeof line, "got %ld\n", n);
			EQUAL(write(slave, line, strlen(line)), strlen(line));
		}
		_exit(0);
	}
	close(slave);
	CHECK((f = fdopen(dup(master), "r")));
	say_ready();
	for (int stop = 0; answered < sent || !stop;) {
		if (answered > 100 && access(path("go"), F_OK) == 0)
			stop = 1;
		if (sent < answered + 8 && !stop) {
			snprintf(line, sizeof line, "%ld\n", sent++);
			EQUAL(write(master, line, strlen(line)), strlen(line));
			continue;
		}
		CHECK(fgets(line, sizeof line, f));
		CHECK(!strncmp(line, "got ", 4));
		EQUAL(atol(line + 4), answered);
		answered++;
	}
	EQUAL(write(master, "-1\n", 3), 3);
	EQUAL(waitpid(child, NULL, 0), child);
	return passed();
}

int main(void)
{
	static const struct { const char *name; int (*play)(void); } all[] = {
		{"state", state}, {"lines", lines}, {"bytes", bytes}, {"many", many},
		{"stopped-by-character", output_stopped}, {"stopped-by-call", output_stopped}, {"packets", packets},
		{"unopened", unopened}, {"locked", unopened}, {"closed", closed}, {"hung-up", hung_up}, {"several", several},
		{"session", session}, {"own", own}, {"own-with-child", own}, {"traffic", traffic},
	};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!strcmp(all[i].name, variant))
			return all[i].play();
	failed("no variant %s", variant);
}
