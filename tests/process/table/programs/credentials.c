/* User and group IDs of all four kinds, and further groups. */
#include "stage.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void)
{
	gid_t groups[] = {7, 1234, 65000}, got[16];
	uid_t r, e, s;

	if (!strcmp(variant, "effective")) { /* saved is still root, as in a server that can go back */
		CHECK(!setgroups(3, groups) && !setresgid(100, 101, 102));
		CHECK(!chmod(directory, 0777)); /* root's verdict is written as another */
		CHECK(!setresuid(2000, 2001, 0));
	} else {
		if (!strcmp(variant, "groups"))
			CHECK(!setgroups(3, groups) && !setresgid(2000, 2000, 2000));
		else
			CHECK(!setgroups(0, 0) && !setresgid(2000, 2000, 2000)); /* nobody has it */
		CHECK(!chmod(directory, 0777));
		CHECK(!prctl(PR_SET_KEEPCAPS, !strcmp(variant, "capable")));
		CHECK(!setresuid(2000, 2000, 2000));
	}
	if (!strcmp(variant, "capable")) {
		struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
		struct __user_cap_data_struct caps[2] = {{1 << CAP_NET_RAW, 1 << CAP_NET_RAW, 0}};

		CHECK(!syscall(SYS_capset, &h, caps));
	}
	ready();
	CHECK(!getresuid(&r, &e, &s));
	EQUAL(r, 2000);
	EQUAL(e, !strcmp(variant, "effective") ? 2001 : 2000);
	EQUAL(s, !strcmp(variant, "effective") ? 0 : 2000);
	CHECK(!getresgid(&r, &e, &s));
	EQUAL(r, !strcmp(variant, "effective") ? 100 : 2000);
	EQUAL(e, !strcmp(variant, "effective") ? 101 : 2000);
	EQUAL(setfsuid(-1), !strcmp(variant, "effective") ? 2001 : 2000);
	if (!strcmp(variant, "effective") || !strcmp(variant, "groups")) {
		EQUAL(getgroups(16, got), 3);
		EQUAL(got[1], 1234);
	} else {
		EQUAL(getgroups(16, got), 0);
	}
	CHECK(setuid(3000) != 0); /* and not the right to become anybody */
	return passed();
}
