/* Timers that were set to a time, and not to some time from now. */
#include "stage.h"
#include <sys/timerfd.h>

enum { AHEAD = 1000, TOLERANCE_MS = 150 }; /* which is less than passes meanwhile */

int main(void)
{
	static const struct {
		const char *name;
		clockid_t clock;
		int file, flags; /* file is 1, or another clock of the same time */
	} kinds[] = {
		{"timer", CLOCK_REALTIME, 0, TIMER_ABSTIME},
		{"timer-tai", CLOCK_TAI, 0, TIMER_ABSTIME},
		{"timerfd", CLOCK_REALTIME, 1, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET},
		{"timerfd-monotonic", CLOCK_MONOTONIC, 1, TFD_TIMER_ABSTIME},
		{"timerfd-boottime", CLOCK_BOOTTIME, 1, TFD_TIMER_ABSTIME},
		{"timerfd-alarm", CLOCK_REALTIME, CLOCK_REALTIME_ALARM, TFD_TIMER_ABSTIME},
	};
	struct itimerspec t = {{7, 5}, {0}}, soon = {{0}, {0}};
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	int64_t end, off;
	timer_t id;
	int k = 0, fd = -1, past;
	uint64_t n = 0;

	while (strcmp(kinds[k].name, variant))
		if (++k == sizeof kinds / sizeof *kinds)
			failed("there is no variant %s", variant);
	end = now(kinds[k].clock) + AHEAD * 1000000000LL;
	t.it_value = (struct timespec){end / 1000000000, end % 1000000000};
	past = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	soon.it_value = (struct timespec){now(CLOCK_REALTIME) / 1000000000 + 1, 0};
	CHECK(!timerfd_settime(past, TFD_TIMER_ABSTIME, &soon, NULL));
	if (kinds[k].file) {
		fd = timerfd_create(kinds[k].file > 1 ? kinds[k].file : kinds[k].clock, TFD_NONBLOCK);
		if (fd < 0)
			unable("no such timer, or not for this user");
		CHECK(!timerfd_settime(fd, kinds[k].flags, &t, NULL));
	} else {
		CHECK(!timer_create(kinds[k].clock, &none, &id));
		CHECK(!timer_settime(id, kinds[k].flags, &t, NULL));
	}
	ready();
	if (fd >= 0)
		CHECK(!timerfd_gettime(fd, &t));
	else
		CHECK(!timer_gettime(id, &t));
	off = now(kinds[k].clock) + t.it_value.tv_sec * 1000000000LL + t.it_value.tv_nsec - end;
	if (llabs(off) > TOLERANCE_MS * 1000000LL)
		failed("it goes off %lld ms late", (long long)off / 1000000);
	EQUAL(t.it_interval.tv_sec, 7);
	EQUAL(t.it_interval.tv_nsec, 5);
	while (now(CLOCK_REALTIME) < soon.it_value.tv_sec * 1000000000LL + 20000000)
		pause_ms(1);
	EQUAL(read(past, &n, 8), 8);
	EQUAL(n, 1);
	return passed();
}
