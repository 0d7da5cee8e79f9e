/* Timers on CPU time: of the process, and of one of its threads, by number. */
#include "stage.h"
#include <pthread.h>

static pthread_t other;
static volatile int work, done, made;
static timer_t timer;
static struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

static void make(clockid_t clock)
{
	struct itimerspec t = {{0, 0}, {1000, 0}};

	CHECK(!timer_create(clock, &event, &timer));
	CHECK(!timer_settime(timer, 0, &t, NULL));
	made = 1;
}

static void burn(void)
{
	int64_t end = now(CLOCK_THREAD_CPUTIME_ID) + 100000000;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void *thread(void *unused)
{
	if (!strcmp(variant, "own") || !strcmp(variant, "whose")) {
		if (!strcmp(variant, "own")) {
			event.sigev_notify = SIGEV_THREAD_ID;
			event._sigev_un._tid = gettid();
		}
		make(CLOCK_THREAD_CPUTIME_ID);
	}
	for (; work >= 0; pause_ms(1)) {
		if (work != done) {
			burn();
			done = work;
		}
	}
	return NULL;
}

static double left(void)
{
	struct itimerspec t;

	CHECK(!timer_gettime(timer, &t));
	return t.it_value.tv_sec + t.it_value.tv_nsec / 1e9;
}

int main(void)
{
	int process = !strcmp(variant, "process") || !strcmp(variant, "current");
	clockid_t clock;
	double before;

	CHECK(!pthread_create(&other, NULL, thread, NULL));
	if (!strcmp(variant, "foreign")) {
		CHECK(!clock_getcpuclockid(getppid(), &clock));
		make(clock);
	}
	if (!strcmp(variant, "process")) {
		CHECK(!clock_getcpuclockid(getpid(), &clock));
		make((clock & 7) | (clockid_t)((unsigned)~getpid() << 3));
	}
	if (!strcmp(variant, "current"))
		make(CLOCK_PROCESS_CPUTIME_ID);
	if (!strcmp(variant, "thread")) {
		CHECK(!pthread_getcpuclockid(other, &clock));
		make(clock);
	}
	while (!made)
		pause_ms(1);
	ready();
	if (!strcmp(variant, "foreign"))
		return passed();
	before = left();
	CHECK(before > 100 && before <= 1000);
	burn(); /* this thread's time is the other's only if it is the process's */
	if (process)
		CHECK(left() < before - 0.09);
	else
		CHECK(left() > before - 0.09);
	before = left();
	work++;
	while (done != work)
		pause_ms(1);
	CHECK(left() < before - 0.09);
	return passed();
}
