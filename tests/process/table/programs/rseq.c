/* Restartable sequences: the kernel goes on telling each thread its CPU. */
#include "stage.h"
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>

static pthread_barrier_t go;

static struct rseq *area(void) { return (void *)((char *)__builtin_thread_pointer() + __rseq_offset); }

static void check(void)
{
	cpu_set_t one;

	for (int cpu = 0; cpu < 2; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof one, &one))
			continue; /* there is no such CPU for us */
		sched_yield();
		EQUAL(((volatile struct rseq *)area())->cpu_id, cpu);
	}
}

static void *thread(void *unused)
{
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	check();
	return NULL;
}

int main(void)
{
	pthread_t other;

	if (!__rseq_size)
		unable("this glibc does not register rseq");
	pthread_barrier_init(&go, NULL, 2);
	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_barrier_wait(&go);
	ready();
	check();
	pthread_barrier_wait(&go);
	CHECK(!pthread_join(other, NULL));
	return passed();
}
