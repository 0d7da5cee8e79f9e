/* How each thread is scheduled: policy, nice value, priority, CPUs, I/O priority, timer slack. */
#include "stage.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static pthread_barrier_t go;

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
