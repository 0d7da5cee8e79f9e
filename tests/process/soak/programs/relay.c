/*
 * Three processes that hand numbers on, at full speed: from the first to the second by a
 * pipe, from there to the third by a socket. Each notes how far it is in memory of its own
 * and then in memory that all share. So at any moment what was sent and not received is
 * under way, and nothing else: who looks at all of it at once can tell.
 *
 * The notes lie at addresses that programs/relay.c and relay_test.go know.
 */
#include "stage.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static volatile uint64_t *const own = (void *)0x100000000000, *const common = (void *)0x200000000000;

static void map(volatile uint64_t *at, int flags)
{
	CHECK(mmap((void *)at, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at);
}

static void note(int member, uint64_t n)
{
	*own = n;
	common[member] = n;
}

/* receive returns whether there was one more number, which is n. */
static int receive(int fd, uint64_t n)
{
	uint64_t got;
	ssize_t size = read(fd, &got, sizeof got);

	if (size == 0)
		return 0;
	EQUAL(size, sizeof got);
	EQUAL(got, n);
	return 1;
}

static void member(int number, int in, int out)
{
	for (uint64_t n = 1;; n++) {
		if (in < 0 ? !access(path("go"), F_OK) : !receive(in, n))
			_exit(0);
		if (out >= 0)
			EQUAL(write(out, &n, sizeof n), sizeof n);
		note(number, n);
	}
}

int main(void)
{
	int p[2], pair[2], status;
	int from[3], to[3];
	pid_t all[3];

	CHECK(!pipe(p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	memcpy(from, (int[]){-1, p[0], pair[0]}, sizeof from);
	memcpy(to, (int[]){p[1], pair[1], -1}, sizeof to);
	map(own, MAP_PRIVATE);
	map(common, MAP_SHARED);
	for (int i = 0; i < 3; i++) {
		all[i] = fork();
		CHECK(all[i] >= 0);
		if (all[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int k = 0; k < 2; k++) {
			if (p[k] != from[i] && p[k] != to[i])
				close(p[k]);
			if (pair[k] != from[i] && pair[k] != to[i])
				close(pair[k]);
		}
		member(i, from[i], to[i]);
	}
	for (int k = 0; k < 2; k++) {
		close(p[k]);
		close(pair[k]);
	}
	say_ready();
	for (int i = 0; i < 3; i++) {
		EQUAL(waitpid(all[i], &status, 0), all[i]);
		EQUAL(status, 0);
	}
	CHECK(common[0] > 0);
	EQUAL(common[1], common[0]);
	EQUAL(common[2], common[0]);
	return passed();
}
