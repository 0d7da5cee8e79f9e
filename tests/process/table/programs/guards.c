/*
 * Guard pages (MADV_GUARD_INSTALL): to touch them is SIGSEGV, what is beside
 * them is as it was, and what is under them is there once they are removed.
 */
#include "stage.h"
#include <setjmp.h>
#include <sys/mman.h>
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

enum { PAGE = 4096, PAGES = 1024 };

static sigjmp_buf away;

static void on_fault(int signal) { siglongjmp(away, 1); }

static int guarded(volatile char *p)
{
	if (sigsetjmp(away, 1))
		return 1;
	(void)*p;
	return 0;
}

/* covered are single pages, first and last, and a run of them. */
static int covered(int i) { return i == 0 || i == 3 || (i >= 700 && i < 800) || i == PAGES - 1; }

static char *map(const char *kind)
{
	int private = MAP_PRIVATE | MAP_ANONYMOUS, shared = MAP_SHARED | MAP_ANONYMOUS, fd;
	char *m;

	if (strstr(kind, "file") || strstr(kind, "memfd")) {
		fd = strstr(kind, "file") ? open(path("file"), O_RDWR | O_CREAT, 0600) : memfd_create("guards", 0);
		CHECK(fd >= 0 && !ftruncate(fd, PAGES * PAGE));
		for (int i = 0; i < PAGES; i++)
			CHECK(pwrite(fd, &(int){i + 1}, 4, i * PAGE) == 4);
		m = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, strstr(kind, "private") ? MAP_PRIVATE : MAP_SHARED, fd, 0);
		close(fd);
		return m;
	}
	m = mmap((void *)0x100000000, PAGES * PAGE, PROT_READ | PROT_WRITE,
		 !strcmp(kind, "shared") ? shared : private, -1, 0);
	if (!strcmp(kind, "huge"))
		madvise(m, PAGES * PAGE, MADV_HUGEPAGE);
	return m;
}

int main(void)
{
	volatile char *m = map(variant);
	int file = strstr(variant, "file") || !strcmp(variant, "memfd"), shared = strstr(variant, "shared") || !strcmp(variant, "memfd"),
	    wiped = !strcmp(variant, "wiped"), none = !strcmp(variant, "none");

	signal(SIGSEGV, on_fault);
	CHECK(m != MAP_FAILED);
	for (int i = 0; i < PAGES; i += file ? 5 : 1)
		m[i * PAGE + 8] = i % 100 + 1;
	if (wiped)
		CHECK(!madvise((char *)m, PAGES * PAGE, MADV_WIPEONFORK));
	if (!strcmp(variant, "unforked"))
		CHECK(!madvise((char *)m, PAGES * PAGE, MADV_DONTFORK));
	for (int i = 0; i < PAGES; i++)
		if (covered(i) && madvise((char *)m + i * PAGE, PAGE, MADV_GUARD_INSTALL)) {
			if (errno != EINVAL)
				failed("making guards: %s", strerror(errno));
			unable("this kernel has no guard pages there");
		}
	if (none)
		CHECK(!mprotect((char *)m, PAGES * PAGE, PROT_NONE));
	ready();
	if (none)
		CHECK(!mprotect((char *)m, PAGES * PAGE, PROT_READ | PROT_WRITE));
	for (int i = 0; i < PAGES; i++) {
		int under = covered(i), gone = under && !shared; /* what was written there */
		volatile char *p = m + i * PAGE;

		if (guarded(p) != under)
			failed("page %d is %s", i, under ? "no guard" : "a guard");
		if (under)
			CHECK(!madvise((char *)p, PAGE, MADV_GUARD_REMOVE));
		EQUAL(*(volatile int *)p, file ? i + 1 : 0);
		EQUAL(p[8], gone || (wiped && resumed()) || (file && i % 5) ? 0 : i % 100 + 1);
	}
	return passed();
}
