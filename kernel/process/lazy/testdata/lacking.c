// A program that lacks memory. It tells the number of its userfaultfd and where the
// memory is, and then does what lines on its input say. Page N of the image holds N
// and 1000 in each word; what a command finds to be otherwise it says.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1024 };

static char *memory;

static char *page(int n) { return memory + (size_t)n * PAGE; }

// is says whether the pages from at on are those of the image from n on; of zeros if n
// is negative.
static int is(const char *at, int pages, int n) {
	for (int i = 0; i < pages; i++)
		for (int k = 0; k < PAGE / 8; k++) {
			uint64_t want = n < 0 ? 0 : 1000 + n + i, got = ((const volatile uint64_t *)(at + (size_t)i * PAGE))[k];
			if (got != want) {
				printf("page %d has %ld and not %ld\n", i, (long)got, (long)want);
				return 0;
			}
		}
	return 1;
}

static char *elsewhere(size_t size) {
	char *at = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? 0 : at;
}

static int child(int (*look)(void)) {
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int ok = look();
		fflush(stdout);
		_exit(ok ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int look(void) { return is(page(100), 50, 100); }

static int grandchild(void) { return child(look) && look(); }

static int emptied(void) {
	return madvise(page(300), 8 * PAGE, MADV_DONTNEED) == 0 && is(page(300), 8, -1) && is(page(308), 4, 308);
}

static int moved(void) {
	char *to = elsewhere(32 * PAGE);
	return mremap(page(400), 32 * PAGE, 32 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && is(to, 32, 400);
}

static int grown(void) {
	char *at = mremap(page(440), 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	return at != MAP_FAILED && is(at, 8, 440) && is(at + 8 * PAGE, 8, -1);
}

static int replaced(void) {
	return munmap(page(500), 8 * PAGE) == 0 &&
		mmap(page(500), 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page(500) &&
		is(page(500), 8, -1) && is(page(508), 8, 508);
}

static int protected(void) {
	return mprotect(page(600), 3 * PAGE, PROT_READ) == 0 && mprotect(page(605), PAGE, PROT_NONE) == 0 &&
		is(page(598), 7, 598) && mprotect(page(605), PAGE, PROT_READ) == 0 && is(page(605), 4, 605);
}

// The kernel touches memory, too, in calls.
static int called(void) {
	int fds[2];
	char b[64] = "of the pipe";
	struct iovec local = {b, 8}, remote = {page(702), 8};
	return pipe(fds) == 0 && write(fds[1], b, 12) == 12 && read(fds[0], page(700) + 8, 12) == 12 &&
		strcmp(page(700) + 8, "of the pipe") == 0 && *(uint64_t *)page(700) == 1700 &&
		write(fds[1], page(701), 8) == 8 && read(fds[0], b, 8) == 8 && *(uint64_t *)b == 1701 &&
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 8 && *(uint64_t *)b == 1702 &&
		close(fds[0]) == 0 && close(fds[1]) == 0;
}

static int locked(void) { return mlock(page(800), 16 * PAGE) == 0 && is(page(800), 16, 800); }

// What the debugger's way does not wait for is an error, and not zeros.
static int peeked(void) {
	char b[8];
	int fd = open("/proc/self/mem", O_RDONLY);
	return pread(fd, b, 8, (off_t)(uintptr_t)page(850)) == -1 && is(page(850), 1, 850) &&
		pread(fd, b, 8, (off_t)(uintptr_t)page(850)) == 8 && close(fd) == 0;
}

static int zeros(void) { return is(page(900), 8, -1); }

static int written(void) {
	memset(page(950), 7, PAGE);
	return is(page(951), 2, 951) && page(950)[PAGE - 1] == 7;
}

// A child that nobody is the parent of, and that looks when it is told to.
static int orphaned(void) {
	if (fork() == 0) {
		if (fork() == 0) {
			while (access("look", F_OK) != 0) usleep(1000);
			is(page(1000), 4, 1000);
			_exit(creat("seen", 0600) < 0);
		}
		_exit(0);
	}
	wait(0);
	return 1;
}

static int executed(void) {
	execl("/bin/sh", "sh", "-c", "echo ok; exec sleep 1000", (char *)0);
	return 0;
}

static int all(void) { return is(page(0), 300, 0); }

static const struct { const char *name; int (*run)(void); } commands[] = {
	{"look", look}, {"all", all}, {"emptied", emptied}, {"moved", moved}, {"grown", grown}, {"replaced", replaced},
	{"protected", protected}, {"called", called}, {"locked", locked}, {"peeked", peeked}, {"zeros", zeros},
	{"written", written}, {"orphaned", orphaned}, {"executed", executed},
};

int main(void) {
	memory = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	printf("%d %lu\n", faults, (unsigned long)memory);
	fflush(stdout);
	for (char line[64]; fgets(line, sizeof line, stdin);) {
		line[strcspn(line, "\n")] = 0;
		int ok = -1;
		if (strcmp(line, "child") == 0) ok = child(grandchild);
		if (strcmp(line, "close") == 0) ok = close(faults) == 0;
		for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
			if (strcmp(line, commands[i].name) == 0) ok = commands[i].run();
		puts(ok > 0 ? "ok" : "wrong");
		fflush(stdout);
	}
}
