/* What has no path belongs to the user who made it, and is opened again by them: pipes, memfds, sockets. */
#include "stage.h"
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int main(void)
{
	int pipes[2], pair[2], memory, again, gone;
	char link[64];
	struct stat st;
	uid_t uid = geteuid();

	keep_result();
	if (!strcmp(variant, "other-user")) {
		CHECK(!chmod(directory, 0777) && !setgroups(0, NULL));
		CHECK(!setresgid(1234, 1234, 1234) && !setresuid(1234, 1234, 1234) && !prctl(PR_SET_DUMPABLE, 1));
		uid = 1234;
	}
	CHECK(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(!fchmod(pipes[0], 0640));
	memory = memfd_create("memory", 0);
	gone = open(path("gone"), O_RDWR | O_CREAT, 0601);
	unlink(path("gone"));
	ready();
	int all[] = {pipes[0], pipes[1], pair[0], pair[1], memory, gone};
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		CHECK(!fstat(all[i], &st));
		EQUAL(st.st_uid, uid);
		snprintf(link, sizeof link, "/proc/self/fd/%d", all[i]);
		if (S_ISSOCK(st.st_mode))
			continue;
		again = open(link, (i == 1 ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
		CHECK(again >= 0);
	}
	CHECK(!fstat(pipes[0], &st));
	EQUAL(st.st_mode & 07777, 0640);
	CHECK(!fstat(gone, &st));
	EQUAL(st.st_mode & 07777, 0601);
	return passed();
}
