/* The timers of timer_create(2): their numbers, clocks, signals and times. */
#include "stage.h"
#include <pthread.h>
#include <sys/syscall.h>

static volatile int ticks, value;
static volatile pid_t ticked;
static volatile int functions;

static void on_tick(int signal, siginfo_t *info, void *context)
{
	ticks++;
	value = info->si_value.sival_int;
	ticked = gettid();
}

static void function(union sigval v) { functions += v.sival_int; }

static timer_t make(clockid_t clock, int notify, long first, long interval_ms)
{
	struct sigevent e = {.sigev_notify = notify, .sigev_signo = SIGRTMIN + 5, .sigev_value.sival_int = 55};
	struct itimerspec t = {{interval_ms / 1000, interval_ms % 1000 * 1000000}, {first, first ? 0 : 5000000}};
	timer_t id;

	if (notify == SIGEV_THREAD_ID)
		e._sigev_un._tid = gettid();
	CHECK(!timer_create(clock, &e, &id));
	if (first >= 0)
		CHECK(!timer_settime(id, 0, &t, NULL));
	return id;
}

static void check(timer_t id, long interval, long left)
{
	struct itimerspec t;

	CHECK(!timer_gettime(id, &t));
	EQUAL(t.it_interval.tv_sec, interval);
	CHECK(t.it_value.tv_sec <= left && t.it_value.tv_sec >= left - 100);
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
	timer_t gone, silent, disarmed, real, ticking;
	struct itimerspec often = {{0, 10000000}, {0, 10000000}};
	struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 1,
			     .sigev_notify_function = function};

	CHECK(!sigaction(SIGRTMIN + 5, &a, NULL));
	if (!strcmp(variant, "thread")) { /* glibc's own thread, its address as the value */
		CHECK(!timer_create(CLOCK_MONOTONIC, &e, &ticking));
		CHECK(!timer_settime(ticking, 0, &often, NULL));
		ready();
		for (int seen = functions; functions < seen + 3;)
			pause_ms(5);
		return passed();
	}
	if (!strcmp(variant, "tid")) {
		ticking = make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, 0, 10);
		ready();
		for (int seen = ticks; ticks < seen + 3;)
			pause_ms(5);
		EQUAL(ticked, gettid());
		return passed();
	}
	if (!strcmp(variant, "overrun")) {
		sigset_t set;
		int missed;

		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN + 5);
		CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
		ticking = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 1);
		pause_ms(50);
		EQUAL(sigwaitinfo(&set, NULL), SIGRTMIN + 5);
		missed = timer_getoverrun(ticking);
		CHECK(missed > 10);
		ready();
		EQUAL(timer_getoverrun(ticking), missed);
		return passed();
	}
	gone = make(CLOCK_MONOTONIC, SIGEV_NONE, 1000, 0);
	silent = make(CLOCK_MONOTONIC, SIGEV_NONE, 4000, 3000000);
	CHECK(!timer_delete(gone)); /* so that the numbers have a gap */
	disarmed = make(CLOCK_REALTIME, SIGEV_SIGNAL, -1, 0);
	real = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, 7000, 0);
	ticking = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 10);
	ready();
	check(silent, 3000, 4000);
	check(disarmed, 0, 0);
	check(real, 0, 7000);
	for (int seen = ticks; ticks < seen + 3;)
		pause_ms(5);
	EQUAL(value, 55);
	CHECK(!timer_delete(silent) && !timer_delete(disarmed) && !timer_delete(real) && !timer_delete(ticking));
	return passed();
}
