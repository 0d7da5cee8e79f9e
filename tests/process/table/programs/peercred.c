/* Who made a connection (SO_PEERCRED): of pairs, of what connects to a listener, of what was accepted. */
#include "stage.h"
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>

static uid_t uid;
static gid_t gid;

static void made_by_me(int fd)
{
	struct ucred c;
	socklen_t length = sizeof c;

	CHECK(!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &length));
	EQUAL(c.pid, getpid());
	EQUAL(c.uid, uid);
	EQUAL(c.gid, gid);
}

int main(void)
{
	int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), accepted;
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strncpy(a.sun_path, path("socket"), sizeof a.sun_path - 1);
	CHECK(!bind(listener, (void *)&a, sizeof a));
	if (!strcmp(variant, "other-user")) {
		CHECK(!chown(a.sun_path, 1234, 1234) && !setgroups(0, NULL));
		CHECK(!setresgid(1234, 1234, 0) && !setresuid(1234, 1234, 0));
	}
	uid = geteuid(), gid = getegid();
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(!listen(listener, 5) && !connect(client, (void *)&a, sizeof a));
	accepted = accept(listener, NULL, NULL);
	if (!strcmp(variant, "other-user")) /* the verdict is for root to write */
		CHECK(!setresuid(0, 0, 0) && !setresgid(0, 0, 0));
	ready();
	made_by_me(pair[0]), made_by_me(pair[1]);
	made_by_me(client), made_by_me(accepted);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!connect(client, (void *)&a, sizeof a)); /* later, to who listens since then */
	made_by_me(client);
	return passed();
}
