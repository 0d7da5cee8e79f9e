/* The resource limits, soft and hard. */
#include "stage.h"
#include <sys/resource.h>

static const struct {
	int which;
	struct rlimit limit;
} limits[] = {{RLIMIT_NOFILE, {123, 456}}, {RLIMIT_CORE, {0, 4096}}, {RLIMIT_STACK, {1 << 20, 1 << 24}},
	      {RLIMIT_FSIZE, {1 << 20, 1 << 20}}, {RLIMIT_NPROC, {4000, 5000}}, {RLIMIT_SIGPENDING, {50, 100}},
	      {RLIMIT_CPU, {100, 200}}, {RLIMIT_DATA, {1LL << 32, 1LL << 33}}, {RLIMIT_RTTIME, {1000000, 2000000}}};

int main(void)
{
	struct rlimit l;

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		CHECK(!setrlimit(limits[i].which, &limits[i].limit));
	ready();
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		CHECK(!getrlimit(limits[i].which, &l));
		EQUAL(l.rlim_cur, limits[i].limit.rlim_cur);
		EQUAL(l.rlim_max, limits[i].limit.rlim_max);
	}
	return passed();
}
