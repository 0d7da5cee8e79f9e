// writes DIR MIB: a process and its child, each with memory of its own that it writes
// to all the time, a page here and a page there, unless there is a file "idle". Each
// keeps in a mapping of its own, which is too small for a pre-copy, what it has written
// where. When there is a file "go", both compare, and write to a file of their name
// "whole" or what is not. "end" ends them.
// A file "direct" that is there at first is opened for direct I/O; with "huge", the memory
// is in huge pages, where the kernel gives any; with "beside", it is one mapping with what
// the C library has of the thread, where the kernel writes whenever that runs (rseq(2)).
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t pages, number, *written; // the number that each page is to have
static char *memory;

static void say(const char *name, const char *what) {
	char new[64]; // of its own, since both processes may say something
	snprintf(new, sizeof new, ".%s", name);
	FILE *f = fopen(new, "w");
	fputs(what, f);
	fclose(f);
	rename(new, name);
}

static char *mapped(size_t size) {
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		abort();
	return p;
}

// beside extends the mapping that a page is in downwards.
static char *beside(uintptr_t page, size_t size) {
	char *p;
	do
		p = mmap((void *)(page - size), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	while (p == MAP_FAILED && (page -= 4096) > size);
	return p;
}

static void compare(const char *name) {
	char text[200] = "whole";
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t has = *(uint64_t *)(memory + i * 4096 + 16);
		if (has != written[i]) {
			snprintf(text, sizeof text, "page %lu has write %lu, not %lu of %lu", i, has, written[i], number);
			break;
		}
	}
	say(name, text);
}

static void run(const char *name) {
	uint64_t x = 88172645463325252 + getpid();
	uintptr_t thread = (uintptr_t)__builtin_thread_pointer() & ~4095ul;
	memory = access("beside", F_OK) == 0 ? beside(thread, pages * 4096) : mapped(pages * 4096);
	if (access("huge", F_OK) == 0)
		madvise(memory, pages * 4096, MADV_HUGEPAGE);
	written = (uint64_t *)mapped(pages * 8);
	for (uint64_t i = 0; i < pages; i++)
		written[i] = *(uint64_t *)(memory + i * 4096 + 16) = ++number;
	say(strcmp(name, "parent") == 0 ? "ready" : "child-ready", "");
	for (int looked = 0;; usleep(100)) {
		if (access("end", F_OK) == 0)
			return;
		if (access("idle", F_OK) == 0)
			pause();
		int go = access("go", F_OK) == 0;
		if (go && !looked)
			compare(name);
		looked = go;
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		written[x % pages] = *(uint64_t *)(memory + x % pages * 4096 + 16) = ++number;
	}
}

int main(int argc, char **argv) {
	close_range(3, ~0u, 0);
	if (chdir(argv[1]) < 0)
		return 1;
	if (access("direct", F_OK) == 0 && open("direct", O_RDONLY | O_DIRECT) < 0)
		return 2;
	pages = (uint64_t)atoi(argv[2]) << 8;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run("child");
		return 0;
	}
	while (access("child-ready", F_OK) < 0)
		usleep(1000);
	run("parent");
	waitpid(child, NULL, 0);
	return 7;
}
