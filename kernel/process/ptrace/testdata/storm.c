// storm KIND N FILE: N processes that have children without end, in one of the ways
// in which programs do. In FILE, a struct tally, they count what they did, and what
// they should not have seen.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tally { long done, wrong; } *tally;

static void check(int right) {
	__atomic_add_fetch(right ? &tally->done : &tally->wrong, 1, __ATOMIC_SEQ_CST);
}

// ends has a child end with a status that its parent checks.
static void ends(pid_t p, int status) {
	int s = -1;
	check(p > 0 && waitpid(p, &s, 0) == p && s == status << 8);
}

static void forks(void) { // in a fork
	pid_t p = fork();
	if (p == 0) {
		ends(fork() ?: (_exit(3), 0), 3);
		_exit(7);
	}
	ends(p, 7);
}

static void vforks(void) {
	pid_t p = vfork();
	if (p == 0) {
		execl("/bin/false", "false", (char *)0);
		_exit(9);
	}
	ends(p, 1);
}

static void orphans(void) {
	pid_t p = fork();
	if (p == 0) {
		fork();
		_exit(5);
	}
	ends(p, 5);
}

static void *thread(void *how) {
	((void (*)(void))how)();
	return 0;
}

static void threads(void) { // each of which forks, or vforks
	pthread_t a, b;
	if (pthread_create(&a, 0, thread, forks) || pthread_create(&b, 0, thread, vforks)) {
		check(0);
		return;
	}
	pthread_join(a, 0);
	pthread_join(b, 0);
}

// A vfork child that takes its time.
static void sleeps(void) {
	pid_t p = vfork();
	if (p == 0) {
		for (int i = 0; i < 40; i++)
			usleep(100000);
		_exit(2);
	}
	ends(p, 2);
}

static void zombies(void) { // of all kinds, never waited for
	static int n;
	pid_t p = n < 3 ? fork() : -1;
	if (p == 0) {
		if (n == 1)
			raise(SIGKILL);
		_exit(40 + n);
	}
	n++;
	usleep(1000);
	check(1);
}

int main(int argc, char **argv) {
	static const struct { const char *name; void (*f)(void); } kinds[] = {
		{"forks", forks}, {"vforks", vforks}, {"orphans", orphans},
		{"threads", threads}, {"sleeps", sleeps}, {"zombies", zombies},
	};
	pid_t parent = getppid();
	int fd = open(argv[3], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *tally))
		return 1;
	tally = mmap(0, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = atoi(argv[2]); i > 0; i--) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
				if (!strcmp(argv[1], kinds[k].name))
					kinds[k].f();
	}
	while (getppid() == parent) // a test that ended early leaves nobody
		usleep(100000);
}
