/* How each thread is scheduled: policy, nice value, priority, CPUs, I/O priority, timer slack. */
#include "stage.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

static pthread_barrier_t go;

/* struct sched_attr of sched_setattr(2), as glibc does not have it yet. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void deadline(void)
{
	struct attributes a = {.size = sizeof a, .policy = SCHED_DEADLINE, .runtime = 1000000, .deadline = 90000000, .period = 90000000};

	if (syscall(SYS_sched_setattr, 0, &a, 0))
		unable("this user or machine has no SCHED_DEADLINE");
	ready();
	EQUAL(sched_getscheduler(0), SCHED_DEADLINE);
}

/* Since Linux 6.12 an ordinary thread can have a time slice of its own. */
static void slice(void)
{
	struct attributes a = {.size = sizeof a, .nice = getpriority(PRIO_PROCESS, 0), .runtime = 7000000}, b = {0};

	CHECK(!syscall(SYS_sched_setattr, 0, &a, 0));
	CHECK(!syscall(SYS_sched_getattr, 0, &b, sizeof b, 0));
	if (b.runtime != a.runtime)
		unable("this kernel has no time slices");
	ready();
	CHECK(!syscall(SYS_sched_getattr, 0, &b, sizeof b, 0));
	EQUAL(b.runtime, a.runtime);
}

static int io_priority(void) { return syscall(SYS_ioprio_get, 1, 0); }

static void *thread(void *unused)
{
	CHECK(!setpriority(PRIO_PROCESS, gettid(), 11));
	CHECK(!prctl(PR_SET_TIMERSLACK, 123456));
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	EQUAL(getpriority(PRIO_PROCESS, gettid()), 11);
	EQUAL(prctl(PR_GET_TIMERSLACK), 123456);
	EQUAL(sched_getscheduler(0), SCHED_OTHER);
	return NULL;
}

int main(void)
{
	struct sched_param fifo = {.sched_priority = 3}, none = {0};
	cpu_set_t one, now_set;
	pthread_t other;

	if (!strcmp(variant, "deadline"))
		return deadline(), passed();
	if (!strcmp(variant, "slice"))
		return slice(), passed();
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	if (!strcmp(variant, "fifo")) {
		CHECK(!sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo));
	} else {
		CHECK(!sched_setscheduler(0, SCHED_BATCH, &none));
		CHECK(!setpriority(PRIO_PROCESS, 0, 7));
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK(!sched_setaffinity(0, sizeof one, &one));
	CHECK(!syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6)); /* best effort, 6 */
	CHECK(!prctl(PR_SET_TIMERSLACK, 777777));
	ready();
	if (!strcmp(variant, "fifo")) {
		EQUAL(sched_getscheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
		CHECK(!sched_getparam(0, &fifo));
		EQUAL(fifo.sched_priority, 3);
		CHECK(!sched_setscheduler(0, SCHED_OTHER, &none));
	} else {
		EQUAL(sched_getscheduler(0), SCHED_BATCH);
		EQUAL(getpriority(PRIO_PROCESS, 0), 7);
		EQUAL(prctl(PR_GET_TIMERSLACK), 777777); /* real-time threads have none */
	}
	CHECK(!sched_getaffinity(0, sizeof now_set, &now_set));
	CHECK(CPU_EQUAL(&one, &now_set));
	EQUAL(io_priority(), 2 << 13 | 6);
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(other, NULL));
	return passed();
}
