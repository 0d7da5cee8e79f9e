/* Advice on memory, and that the content is there, but for what a fork would wipe. */
#include "mapping.h"
#include <sys/mman.h>
#include <sys/wait.h>

static const struct {
	int advice;
	const char *flag;
} kinds[] = {{MADV_DONTFORK, "dc"}, {MADV_WIPEONFORK, "wf"}, {MADV_HUGEPAGE, "hg"}, {MADV_NOHUGEPAGE, "nh"},
	     {MADV_DONTDUMP, "dd"}, {MADV_RANDOM, "rr"}, {MADV_SEQUENTIAL, "sr"}, {MADV_MERGEABLE, "mg"}};
enum { KINDS = sizeof kinds / sizeof *kinds, SIZE = 4 << 20 };

int main(void)
{
	char *m[KINDS];
	int has[KINDS], status;
	pid_t child;

	for (int i = 0; i < KINDS; i++) {
		m[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(m[i] != MAP_FAILED);
		has[i] = !madvise(m[i], SIZE, kinds[i].advice);
		if (!has[i] && errno != EINVAL) /* which is a kernel built without it */
			failed("advice %d: %s", kinds[i].advice, strerror(errno));
		for (int k = 0; k < SIZE; k += 4096)
			m[i][k + i] = i + 1;
	}
	ready();
	for (int i = 0; i < KINDS; i++) {
		if (has[i] && !has_flag(m[i], kinds[i].flag))
			failed("the flag %s is lost", kinds[i].flag);
		for (int k = 0; k < SIZE; k += 4096)
			EQUAL(m[i][k + i], resumed() && kinds[i].advice == MADV_WIPEONFORK ? 0 : i + 1);
	}
	if (!(child = fork()))
		_exit(m[1][1] == 0 ? 0 : 1); /* wiped in a child, as was advised */
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
	return passed();
}
