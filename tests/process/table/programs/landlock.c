/* Landlock, under which the program may not execute anything; or one of its threads. */
#include "stage.h"
#include <linux/landlock.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void restrict_self(void)
{
	struct landlock_ruleset_attr denied = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
	int rules = syscall(SYS_landlock_create_ruleset, &denied, sizeof denied, 0);

	if (rules < 0)
		unable("this kernel has no Landlock");
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!syscall(SYS_landlock_restrict_self, rules, 0));
	close(rules);
}

static int may_execute(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return status == 0;
}

static volatile int set, told;

static void *thread(void *unused)
{
	restrict_self();
	for (set = 1; !told;)
		pause_ms(1);
	CHECK(!may_execute());
	return NULL;
}

int main(void)
{
	pthread_t other;

	if (!strcmp(variant, "thread")) {
		CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		CHECK(!pthread_create(&other, NULL, thread, NULL));
		while (!set)
			pause_ms(1);
		ready();
		told = 1;
		CHECK(!pthread_join(other, NULL));
		return passed();
	}
	for (int layers = strcmp(variant, "layers") ? 1 : 16; layers > 0; layers--)
		restrict_self();
	ready();
	EQUAL(may_execute(), resumed());
	return passed();
}
