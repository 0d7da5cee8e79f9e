/* Descriptors that share one offset, and others that don't, at their numbers. */
#include "stage.h"
#include <sys/syscall.h>
#include <linux/kcmp.h>

static int same(int a, int b) { return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b); }

int main(void)
{
	int one = open(path("file"), O_RDWR | O_CREAT, 0644), two, high, other;

	EQUAL(write(one, "0123456789", 10), 10);
	two = dup(one);
	high = fcntl(one, F_DUPFD_CLOEXEC, 900);
	other = open(path("file"), O_RDWR);
	EQUAL(high, 900);
	ready();
	EQUAL(lseek(two, 3, SEEK_SET), 3);
	EQUAL(lseek(one, 0, SEEK_CUR), 3);
	EQUAL(lseek(high, 0, SEEK_CUR), 3);
	EQUAL(lseek(other, 0, SEEK_CUR), 0);
	EQUAL(fcntl(high, F_GETFD), FD_CLOEXEC);
	EQUAL(fcntl(two, F_GETFD), 0);
	EQUAL(same(one, two), 0);
	CHECK(same(one, other) > 0);
	return passed();
}
