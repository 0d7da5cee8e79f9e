/* Capabilities that root has given up, from each of the sets. */
#include "stage.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};

	CHECK(!syscall(SYS_capget, &h, data));
}

int main(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct before[2], after[2];

	CHECK(!prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0));
	get(before);
	before[0].effective &= ~(1 << CAP_NET_RAW | 1 << CAP_SYS_TIME);
	before[0].permitted &= ~(1 << CAP_SYS_TIME);
	before[0].inheritable = 1 << CAP_CHOWN;
	CHECK(!syscall(SYS_capset, &h, before));
	CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	ready();
	get(after);
	EQUAL(after[0].effective, before[0].effective);
	EQUAL(after[0].permitted, before[0].permitted);
	EQUAL(after[0].inheritable, before[0].inheritable);
	EQUAL(after[1].effective, before[1].effective);
	EQUAL(prctl(PR_CAPBSET_READ, CAP_SYS_TIME), 0);
	EQUAL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 1);
	return passed();
}
