/* What prctl(2) sets for the process or its threads; the variant says which. */
#include "stage.h"
#include <sys/prctl.h>

static int argument(int option)
{
	int value = -1;

	CHECK(!prctl(option, &value));
	return value;
}

int main(void)
{
	int is_death = !strcmp(variant, "pdeathsig"), is_reaper = !strcmp(variant, "subreaper");
	int is_thp = !strcmp(variant, "thp-disable"), is_privs = !strcmp(variant, "no-new-privs");
	int is_undumpable = !strcmp(variant, "dumpable"), is_caps = !strcmp(variant, "keepcaps");
	int is_tsc = !strcmp(variant, "tsc"), is_secure = !strcmp(variant, "securebits");
	enum { BITS = 1 << 0 | 1 << 4 | 1 << 5 | 1 << 6 }; /* NOROOT, KEEP_CAPS and its lock, NO_CAP_AMBIENT_RAISE */

	if (is_death)
		CHECK(!prctl(PR_SET_PDEATHSIG, SIGHUP));
	if (is_reaper)
		CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	if (is_thp)
		CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	if (is_privs)
		CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (is_undumpable)
		CHECK(!prctl(PR_SET_DUMPABLE, 0));
	if (is_caps)
		CHECK(!prctl(PR_SET_KEEPCAPS, 1));
	if (is_tsc)
		CHECK(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	if (is_secure)
		CHECK(!prctl(PR_SET_SECUREBITS, BITS));
	ready();
	EQUAL(argument(PR_GET_PDEATHSIG), is_death ? SIGHUP : 0);
	EQUAL(argument(PR_GET_CHILD_SUBREAPER), is_reaper);
	EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), is_thp);
	EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), is_privs);
	EQUAL(prctl(PR_GET_DUMPABLE), !is_undumpable);
	EQUAL(prctl(PR_GET_KEEPCAPS), is_caps || is_secure);
	EQUAL(prctl(PR_GET_SECUREBITS), is_secure ? BITS : is_caps ? 1 << 4 : 0);
	EQUAL(argument(PR_GET_TSC), is_tsc ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
	return passed();
}
