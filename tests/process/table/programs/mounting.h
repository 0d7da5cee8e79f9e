/* Something mounted over a directory, which is taken away whatever happens. */
#include "stage.h"
#include <sys/mount.h>
#include <sys/wait.h>

static inline void mount_over(const char *name)
{
	pid_t program = getpid();

	if (!fork()) {
		if (fork())
			_exit(0);
		while (!kill(program, 0))
			pause_ms(5);
		umount2(name, MNT_DETACH);
		_exit(0);
	}
	wait(NULL);
	if (mount("none", name, "tmpfs", 0, NULL))
		unable("mount");
}
