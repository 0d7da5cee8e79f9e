/* A process that is not a child, to be at the other end of something. */
#include "stage.h"
#include <sys/wait.h>

/* orphan forks twice, so that the new process is nobody's child here; true in it. */
static inline int orphan(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		if (fork() == 0)
			return 1;
		_exit(0);
	}
	CHECK(waitpid(child, NULL, 0) == child);
	return 0;
}

/* close_others closes what the orphan would otherwise hold open. */
static inline void close_others(int keep)
{
	for (int fd = 3; fd < 64; fd++)
		if (fd != keep)
			close(fd);
}
