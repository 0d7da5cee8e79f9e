/* What prctl(2), membarrier(2) and set_mempolicy(2) set; the variant says which. */
#include "mapping.h"
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
enum { SIZE = 1 << 20 };

static char *map(int prot)
{
	char *m = mmap(NULL, SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(m != MAP_FAILED);
	return m;
}

/* Memory that is executable comes back so, but no other can become it. */
static void mdwe(int bits)
{
	char *code = map(PROT_READ | PROT_WRITE), *data = map(PROT_READ | PROT_WRITE);

	memcpy(code, "\xb8\x2a\0\0\0\xc3", 6); /* mov eax, 42; ret */
	CHECK(!mprotect(code, SIZE, PROT_READ | PROT_EXEC));
	if (prctl(PR_SET_MDWE, bits, 0, 0, 0))
		unable("this kernel has no PR_SET_MDWE of this kind");
	ready();
	EQUAL(prctl(PR_GET_MDWE, 0, 0, 0, 0), bits);
	EQUAL(((int (*)(void))code)(), 42);
	CHECK(mprotect(data, SIZE, PROT_READ | PROT_EXEC) && errno == EACCES);
}

static void thp(int flags)
{
	if (prctl(PR_SET_THP_DISABLE, 1, flags, 0, 0))
		unable("this kernel has no flags of PR_SET_THP_DISABLE");
	ready();
	EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1 | flags);
}

static void merging(void)
{
	char *in = map(PROT_READ | PROT_WRITE), *out = map(PROT_READ | PROT_WRITE), *later;

	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0))
		unable("this kernel does not merge all memory of a process");
	CHECK(!madvise(out, SIZE, MADV_UNMERGEABLE));
	ready();
	EQUAL(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0), 1);
	later = map(PROT_READ | PROT_WRITE);
	CHECK(has_flag(in, "mg") && has_flag(later, "mg") && !has_flag(out, "mg"));
}

static void membarrier(void)
{
	enum { REGISTER = 1 << 4, PRIVATE = 1 << 3, REGISTER_GLOBAL = 1 << 2, REGISTRATIONS = 1 << 9 };
	int all;

	if (syscall(SYS_membarrier, REGISTER, 0, 0))
		unable("this kernel has no expedited membarrier");
	CHECK(!syscall(SYS_membarrier, REGISTER_GLOBAL, 0, 0));
	all = syscall(SYS_membarrier, REGISTRATIONS, 0, 0);
	ready();
	EQUAL(syscall(SYS_membarrier, PRIVATE, 0, 0), 0);
	EQUAL(syscall(SYS_membarrier, REGISTRATIONS, 0, 0), all);
}

static void flusher(void)
{
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		unable("this user may not set PR_SET_IO_FLUSHER");
	ready();
	EQUAL(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
}

static void broken_memory(void)
{
	CHECK(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	ready();
	EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
}

static void speculation(void)
{
	int set = 0, was[3];

	for (int i = 0; i < 3; i++) {
		was[i] = prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
		if (was[i] > 0 && was[i] & PR_SPEC_PRCTL)
			set += !prctl(PR_SET_SPECULATION_CTRL, i, PR_SPEC_DISABLE, 0, 0);
		was[i] = prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
	}
	if (!set)
		unable("no speculation is for processes to control on this CPU");
	ready();
	for (int i = 0; i < 3; i++)
		EQUAL(prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0), was[i]);
}

static void cpuid(void)
{
	enum { ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID = 0x1012 };

	if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0))
		unable("this CPU has no faulting of cpuid");
	ready();
	EQUAL(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0), 0);
}

static void tile(void)
{
	enum { ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
	unsigned long before, after;

	if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA))
		unable("this CPU has no AMX");
	CHECK(!syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &before));
	ready();
	CHECK(!syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &after));
	EQUAL(after, before);
}

/* Node 0 is there on every machine. */
static unsigned long mask[1024 / 64] = {1};

static void policy_is(void *at, int want)
{
	unsigned long nodes[1024 / 64] = {0};
	int mode;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 1024, at, at ? MPOL_F_ADDR : 0))
		unable("this kernel has no memory policies");
	EQUAL(mode, want);
	EQUAL(nodes[0], want ? 1 : 0);
}

static volatile int set, told;

static void *with_own(void *unused)
{
	CHECK(!syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask, 1024));
	for (set = 1; !told;)
		pause_ms(1);
	policy_is(NULL, MPOL_INTERLEAVE);
	return NULL;
}

static void policies(void)
{
	char *bound = map(PROT_READ | PROT_WRITE), *unbound = map(PROT_READ | PROT_WRITE);
	char *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (syscall(SYS_mbind, bound, SIZE / 2, MPOL_BIND | MPOL_F_STATIC_NODES, mask, 1024, 0))
		unable("this kernel has no memory policies");
	CHECK(!syscall(SYS_mbind, shared, SIZE, MPOL_PREFERRED, mask, 1024, 0));
	CHECK(!syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask, 1024));
	CHECK(!pthread_create(&thread, NULL, with_own, NULL));
	while (!set)
		pause_ms(1);
	ready();
	told = 1;
	policy_is(NULL, MPOL_PREFERRED);
	policy_is(bound, MPOL_BIND | MPOL_F_STATIC_NODES);
	policy_is(bound + SIZE / 2, MPOL_DEFAULT);
	policy_is(unbound, MPOL_DEFAULT);
	policy_is(shared, MPOL_PREFERRED);
	CHECK(!pthread_join(thread, NULL));
}

static void nothing(void)
{
	ready();
	EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK(prctl(PR_GET_MDWE, 0, 0, 0, 0) <= 0 && prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) <= 0);
	EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
	policy_is(NULL, MPOL_DEFAULT);
}

int main(void)
{
	if (!strcmp(variant, "mdwe"))
		mdwe(1);
	else if (!strcmp(variant, "mdwe-not-inherited"))
		mdwe(1 | 2);
	else if (!strcmp(variant, "thp"))
		thp(0);
	else if (!strcmp(variant, "thp-except-advised"))
		thp(2);
	else if (!strcmp(variant, "merging"))
		merging();
	else if (!strcmp(variant, "membarrier"))
		membarrier();
	else if (!strcmp(variant, "io-flusher"))
		flusher();
	else if (!strcmp(variant, "broken-memory"))
		broken_memory();
	else if (!strcmp(variant, "speculation"))
		speculation();
	else if (!strcmp(variant, "cpuid"))
		cpuid();
	else if (!strcmp(variant, "amx"))
		tile();
	else if (!strcmp(variant, "policies"))
		policies();
	else
		nothing();
	return passed();
}
