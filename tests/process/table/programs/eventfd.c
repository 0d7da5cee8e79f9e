/* eventfd: its counter, semaphores, flags. */
#include "stage.h"
#include <sys/eventfd.h>

int main(void)
{
	int counter = eventfd(41, EFD_NONBLOCK | EFD_CLOEXEC), semaphore = eventfd(2, EFD_SEMAPHORE);
	uint64_t n = 1;

	CHECK(counter >= 0 && semaphore >= 0);
	EQUAL(write(counter, &n, 8), 8);
	ready();
	EQUAL(fcntl(counter, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(counter, F_GETFL) & O_NONBLOCK);
	EQUAL(read(counter, &n, 8), 8);
	EQUAL(n, 42);
	CHECK(read(counter, &n, 8) < 0 && errno == EAGAIN);
	EQUAL(fcntl(semaphore, F_GETFD), 0);
	for (int i = 0; i < 2; i++) {
		EQUAL(read(semaphore, &n, 8), 8);
		EQUAL(n, 1);
	}
	CHECK(!fcntl(semaphore, F_SETFL, O_NONBLOCK));
	CHECK(read(semaphore, &n, 8) < 0 && errno == EAGAIN);
	return passed();
}
