// A program of which, from SIGUSR1 on, another process has the memory. Both write to
// pages of it all the time: two words of each, which are the same in any moment in which
// neither is at it. At SIGUSR2 it looks whether they are, and whether the other is alive.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 32768, WORDS = 512 };

static volatile unsigned long *memory;
static volatile sig_atomic_t join, end;
static volatile int leave, left;
static char stack[65536];

static void on(int sig) { *(sig == SIGUSR1 ? &join : &end) = 1; }

static void write_to(unsigned long first, unsigned long n)
{
	unsigned long at = (first + n * 7919 % (PAGES / 2)) * WORDS;
	memory[at]++;
	memory[at + 1]++;
	if (n % 20 == 0)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static int other(void *arg)
{
	for (unsigned long n = 1; !leave; n++)
		write_to(PAGES / 2, n);
	left = 1;
	return 0;
}

int main(void)
{
	size_t size = (size_t)PAGES * WORDS * sizeof *memory;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise((void *)memory, size, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < PAGES; i++)
		memory[i * WORDS] = memory[i * WORDS + 1] = i;
	signal(SIGUSR1, on);
	signal(SIGUSR2, on);
	close(open("ready", O_CREAT | O_WRONLY, 0600));
	int pid = 0;
	for (unsigned long n = 1; !end; n++) {
		write_to(0, n);
		if (join && pid == 0) {
			pid = clone(other, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
			close(open("joined", O_CREAT | O_WRONLY, 0600));
		}
	}
	leave = 1;
	int status = -1;
	if (waitpid(pid, &status, 0) != pid || status != 0 || !left)
		return 1;
	for (unsigned long i = 0; i < PAGES; i++)
		if (memory[i * WORDS] != memory[i * WORDS + 1])
			return 2;
	return 7;
}
