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
	char *m[KINDS], *plain;
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
	plain = mmap(NULL, 64 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(plain != MAP_FAILED);
	for (int k = 0; k < 32 * SIZE; k += 4096 * (1 + k / SIZE % 3))
		memset(plain + k, 1 + k % 251, 4096);
	ready();
	for (int i = 0; i < KINDS; i++) {
		if (has[i] && !has_flag(m[i], kinds[i].flag))
			failed("the flag %s is lost", kinds[i].flag);
		if (has_flag(m[i], "um"))
			failed("memory with %s is watched for missing pages", kinds[i].flag);
		for (int k = 0; k < SIZE; k += 4096)
			EQUAL(m[i][k + i], resumed() && kinds[i].advice == MADV_WIPEONFORK ? 0 : i + 1);
	}
	CHECK(!has_flag(plain, "um") && !has_flag(plain + 64 * SIZE - 1, "um"));
	for (int k = 0; k < 32 * SIZE; k += 4096 * (1 + k / SIZE % 3))
		for (int i = 0; i < 4096; i += 511)
			EQUAL(plain[k + i], (char)(1 + k % 251));
	for (int k = 32 * SIZE; k < 64 * SIZE; k += 4096)
		EQUAL(plain[k], 0); /* which never was anything */
	if (!(child = fork()))
		_exit(m[1][1] == 0 ? 0 : 1); /* wiped in a child, as was advised */
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
	return passed();
}
