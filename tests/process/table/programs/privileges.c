/* A program of another user than root, with more than that user can have by himself. */
#include "stage.h"
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { user = 2000, key_search = 10, session = -3 };

static int oom(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDONLY);

	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && !close(fd));
	return atoi(text);
}

int main(void)
{
	struct rlimit before, limit;
	struct sched_param fifo = {1}, got;
	struct stat st;
	int nice_before = getpriority(PRIO_PROCESS, 0), oom_before = oom(), fd = -1;

	CHECK(!getrlimit(RLIMIT_NOFILE, &before));
	limit = before;
	limit.rlim_max += 100;
	CHECK(!chmod(directory, 0777)); /* the verdict is written as another */
	if (!strcmp(variant, "nice") && setpriority(PRIO_PROCESS, 0, nice_before - 1))
		unable("this user may not raise a priority, or there is no higher one");
	if (!strcmp(variant, "real-time") && sched_setscheduler(0, SCHED_FIFO, &fifo))
		unable("this user has no real-time scheduling");
	if (!strcmp(variant, "oom")) {
		char text[16];

		snprintf(text, sizeof text, "%d", oom_before - 1);
		fd = open("/proc/self/oom_score_adj", O_WRONLY);
		if (write(fd, text, strlen(text)) < 0)
			unable("this user may not lower it, or it is as low as it can be");
		CHECK(!close(fd));
	}
	if (!strcmp(variant, "limit") && setrlimit(RLIMIT_NOFILE, &limit))
		unable("this limit can't be raised");
	if (!strcmp(variant, "setuid-file")) {
		fd = open(directory, O_TMPFILE | O_RDWR, 0600);
		if (fd < 0)
			unable("this file system has no O_TMPFILE");
		CHECK(!fchmod(fd, 04755));
	}
	CHECK(!setgroups(0, 0) && !setresgid(user, user, user) && !setresuid(user, user, user));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	ready();
	EQUAL(getuid(), user);
	if (!strcmp(variant, "nice"))
		EQUAL(getpriority(PRIO_PROCESS, 0), nice_before - 1);
	if (!strcmp(variant, "real-time"))
		CHECK(sched_getscheduler(0) == SCHED_FIFO && !sched_getparam(0, &got) && got.sched_priority == 1);
	if (!strcmp(variant, "oom"))
		EQUAL(oom(), oom_before - 1);
	if (!strcmp(variant, "limit"))
		CHECK(!getrlimit(RLIMIT_NOFILE, &before) && before.rlim_max == limit.rlim_max);
	if (!strcmp(variant, "setuid-file"))
		CHECK(!fstat(fd, &st) && st.st_uid == 0 && (st.st_mode & 07777) == 04755);
	if (!strcmp(variant, "keyring")) {
		errno = 0;
		CHECK(syscall(SYS_keyctl, key_search, session, "user", "snappipe-secret", 0) < 0);
	}
	return passed();
}
