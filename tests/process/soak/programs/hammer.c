/*
 * Four threads that write 256 MiB over and over, at full speed, in a way that
 * shows whether a copy of the memory is of one moment.
 *
 * Each thread writes the number of its pass into one word after the other of
 * its quarter. So at any moment a quarter is a run of one number, then a run of
 * the number before. And for each block that it has written, a thread takes a
 * number from a counter that all share and notes it: at any moment the counter
 * is ahead of the highest note by no more than the number of threads.
 */
#include "stage.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { THREADS = 4, QUARTER = 64 << 20, WORDS = QUARTER / 8, BLOCK = 1 << 14 };

static uint64_t *quarters[THREADS], passes[THREADS];
static volatile int stop, children;

/* The counter is in the first page, the notes each in a page of its own. */
static uint64_t *counter;
static volatile uint64_t *note(int thread) { return counter + 512 * (1 + thread); }

static void on_child(int signal) { children++; }

static void *hammer(void *number)
{
	long me = (long)number;
	volatile uint64_t *words = quarters[me];

	for (uint64_t pass = 1; !stop; pass++) {
		for (long i = 0; i < WORDS; i++) {
			if (words[i] != pass - 1)
				failed("thread %ld, pass %ld, word %ld: %ld", me, (long)pass, i, (long)words[i]);
			words[i] = pass;
			if (i % BLOCK == BLOCK - 1)
				*note(me) = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
		}
		passes[me] = pass;
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	char *area = mmap(NULL, THREADS * (long)QUARTER + (1 + THREADS) * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[32];
	uint64_t blocks = 0;

	CHECK(area != MAP_FAILED);
	signal(SIGCHLD, on_child);
	counter = (void *)(area + THREADS * (long)QUARTER);
	for (long i = 0; i < THREADS; i++) {
		quarters[i] = (void *)(area + i * QUARTER);
		CHECK(!pthread_create(&threads[i], NULL, hammer, (void *)i));
	}
	snprintf(text, sizeof text, "%lx", (unsigned long)area);
	write_file("area", text);
	while (!passes[0] || !passes[1] || !passes[2] || !passes[3])
		pause_ms(1); /* every page is there */
	say_ready();
	while (access(path("go"), F_OK))
		pause_ms(5);
	stop = 1;
	for (int i = 0; i < THREADS; i++) {
		CHECK(!pthread_join(threads[i], NULL));
		for (long k = 0; k < WORDS; k++)
			EQUAL(quarters[i][k], passes[i]);
		blocks += passes[i] * (WORDS / BLOCK);
	}
	EQUAL(*counter, blocks);
	EQUAL(children, 0);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD);
	return passed();
}
