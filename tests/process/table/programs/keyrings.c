/* Keys in keyrings that only this thread, process or session has. */
#include "stage.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>

int main(void)
{
	int ring = !strcmp(variant, "thread") ? KEY_SPEC_THREAD_KEYRING :
		   !strcmp(variant, "process") ? KEY_SPEC_PROCESS_KEYRING : KEY_SPEC_SESSION_KEYRING;
	int joined = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	long key = 0;

	if (joined < 0)
		unable("this kernel has no keyrings");
	if (strcmp(variant, "empty")) {
		key = syscall(SYS_add_key, "user", "of the test", "secret", 6, ring);
		CHECK(key > 0);
	}
	ready();
	if (strcmp(variant, "empty"))
		CHECK(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", "of the test", 0) == key);
	return passed();
}
