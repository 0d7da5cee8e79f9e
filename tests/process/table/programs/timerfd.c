/* timerfd: armed, ticking, expired and not yet read, disarmed, absolute. */
#include "stage.h"
#include <poll.h>
#include <sys/timerfd.h>

static int make(clockid_t clock, int flags, long first_ms, long interval_ms)
{
	struct itimerspec t = {{interval_ms / 1000, interval_ms % 1000 * 1000000},
			       {first_ms / 1000, first_ms % 1000 * 1000000}};
	int fd = timerfd_create(clock, TFD_NONBLOCK);

	CHECK(fd >= 0);
	CHECK(!timerfd_settime(fd, flags, &t, NULL));
	return fd;
}

int main(void)
{
	struct itimerspec t;
	uint64_t n = 0;
	int64_t boot = now(CLOCK_BOOTTIME) / 1000000;
	int armed = make(CLOCK_MONOTONIC, 0, 5000000, 3000000), ticking = make(CLOCK_MONOTONIC, 0, 10, 10),
	    expired = make(CLOCK_REALTIME, 0, 1, 0), disarmed = make(CLOCK_MONOTONIC, 0, 0, 0),
	    absolute = make(CLOCK_BOOTTIME, TFD_TIMER_ABSTIME, boot + 4000000, 0);

	pause_ms(20);
	ready();
	CHECK(!timerfd_gettime(armed, &t));
	EQUAL(t.it_interval.tv_sec, 3000);
	CHECK(t.it_value.tv_sec <= 5000 && t.it_value.tv_sec > 4900);
	CHECK(read(armed, &n, 8) < 0 && errno == EAGAIN);
	EQUAL(read(expired, &n, 8), 8);
	EQUAL(n, 1);
	CHECK(!timerfd_gettime(disarmed, &t) && !t.it_value.tv_sec && !t.it_value.tv_nsec);
	CHECK(!timerfd_gettime(absolute, &t));
	CHECK(t.it_value.tv_sec <= 4000 && t.it_value.tv_sec > 3900);
	for (uint64_t sum = 0; sum < 3 && !strcmp(variant, "ticking"); sum += n) {
		EQUAL(poll(&(struct pollfd){ticking, POLLIN, 0}, 1, 10000), 1);
		EQUAL(read(ticking, &n, 8), 8);
	}
	return passed();
}
