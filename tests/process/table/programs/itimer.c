/* The interval timers and alarm(2). */
#include "stage.h"
#include <sys/time.h>

static volatile int alarms;
static void on_alarm(int signal) { alarms++; }

static void check(int which, int interval, int left)
{
	struct itimerval t;

	CHECK(!getitimer(which, &t));
	EQUAL(t.it_interval.tv_sec, interval);
	CHECK(t.it_value.tv_sec <= left && t.it_value.tv_sec >= left - 100);
}

int main(void)
{
	struct itimerval real = {{7000, 0}, {5000, 0}}, virtual = {{0, 0}, {6000, 0}},
			 prof = {{9000, 0}, {8000, 0}}, soon = {{0, 10000}, {0, 10000}};

	signal(SIGALRM, on_alarm);
	CHECK(!setitimer(ITIMER_VIRTUAL, &virtual, NULL));
	CHECK(!setitimer(ITIMER_PROF, &prof, NULL));
	if (!strcmp(variant, "ticking")) {
		CHECK(!setitimer(ITIMER_REAL, &soon, NULL));
		ready();
		for (int seen = alarms, i = 0; alarms < seen + 3; i++) {
			if (i == 2000)
				failed("no further alarm");
			pause_ms(5);
		}
		CHECK(!getitimer(ITIMER_REAL, &soon));
		EQUAL(soon.it_interval.tv_usec, 10000);
	} else {
		CHECK(!setitimer(ITIMER_REAL, &real, NULL));
		ready();
		check(ITIMER_REAL, 7000, 5000);
		EQUAL(alarms, 0);
	}
	check(ITIMER_VIRTUAL, 0, 6000);
	check(ITIMER_PROF, 9000, 8000);
	return passed();
}
