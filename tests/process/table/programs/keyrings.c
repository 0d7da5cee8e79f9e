/* Keys in keyrings that only this thread, process or session has. */
#include "stage.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>

/* Keys that are gone count as a user's until the kernel has collected them, which it does
 * some time later. */
static int full(long key)
{
	static int waits = 600;

	return key < 0 && errno == EDQUOT && waits-- > 0 && !usleep(100000);
}

int main(void)
{
	int ring = !strcmp(variant, "thread") ? KEY_SPEC_THREAD_KEYRING :
		   !strcmp(variant, "process") ? KEY_SPEC_PROCESS_KEYRING : KEY_SPEC_SESSION_KEYRING;
	long joined, key = 0;

	do
		joined = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	while (full(joined));
	if (joined < 0)
		unable("this kernel has no keyrings");
	if (strcmp(variant, "empty")) {
		do
			key = syscall(SYS_add_key, "user", "of the test", "secret", 6, ring);
		while (full(key));
		CHECK(key > 0);
	}
	ready();
	if (strcmp(variant, "empty"))
		CHECK(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", "of the test", 0) == key);
	return passed();
}
