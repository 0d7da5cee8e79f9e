/* A process that is not a child, to be at the other end of something. */
#include "stage.h"
#include <sys/time.h>
#include <sys/wait.h>

static void end_with_the_stage(int signal)
{
	(void)signal;
	if (access(directory, F_OK))
		_exit(0);
}

/* attend lets nobody outlive the directory, whatever it waits for and however the test ends. */
static inline void attend(void)
{
	struct sigaction look = {.sa_handler = end_with_the_stage, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 200000}, {0, 200000}};

	CHECK(!sigaction(SIGALRM, &look, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
}

/* orphan forks twice, so that the new process is nobody's child here; true in it. */
static inline int orphan(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		if (fork())
			_exit(0);
		attend();
		return 1;
	}
	CHECK(waitpid(child, NULL, 0) == child);
	return 0;
}

/*
 * both_have_it is what comes of two ends that the orphan has too, who says so by the file
 * "forked": they are what they were, but in what is resumed by force the other end is closed.
 */
static inline int both_have_it(int in, int out)
{
	char b[8];

	while (access(path("forked"), F_OK))
		pause_ms(2);
	signal(SIGPIPE, SIG_IGN);
	ready();
	if (resumed()) {
		EQUAL(read(in, b, 1), 0);
		CHECK(write(out, "x", 1) < 0 && errno == EPIPE);
		return passed();
	}
	EQUAL(write(out, "x", 1), 1);
	EQUAL(read(in, b, 1), 1);
	return passed();
}

/* close_others closes what the orphan would otherwise hold open. */
static inline void close_others(int keep)
{
	for (int fd = 3; fd < 64; fd++)
		if (fd != keep)
			close(fd);
}
