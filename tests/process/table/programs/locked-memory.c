/* Memory locked by mlock(2), mlock2(2) and mlockall(2). */
#include "mapping.h"
#include <sys/mman.h>

int main(void)
{
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *later;

	CHECK(!mlock(m, 4096));
	CHECK(!mlock2(m + 2 * 4096, 4096, MLOCK_ONFAULT));
	if (!strcmp(variant, "future"))
		CHECK(!mlockall(MCL_FUTURE | MCL_ONFAULT));
	/* Older kernels do not tell which is locked only once it is used. */
	int told = has_flag(m + 2 * 4096, "lf");
	ready();
	EQUAL(has_flag(m + 2 * 4096, "lf"), told);
	CHECK(!has_flag(m, "lf"));
	CHECK(has_flag(m, "lo") && has_flag(m + 2 * 4096, "lo") && !has_flag(m + 4096, "lo"));
	if (!strcmp(variant, "future")) {
		later = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(has_flag(later, "lo"));
	}
	return passed();
}
