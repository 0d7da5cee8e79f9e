/* What no path leads to, and another process has too; the variant says what. */
#include "orphan.h"
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static void other_side(void)
{
	attend();
	write_file("forked", "");
	for (;;)
		pause_ms(1000);
}

/* clone_orphan makes a process that shares what flags say; its memory is on a stack of its own. */
static int in_clone(void *again)
{
	static char stack[65536];

	if (again)
		syscall(SYS_exit, clone(in_clone, stack + sizeof stack, (long)again, NULL) < 0);
	other_side();
	return 0;
}

static void clone_orphan(long flags)
{
	static char stack[65536];

	CHECK(clone(in_clone, stack + sizeof stack, flags | SIGCHLD, (void *)flags) > 0);
	CHECK(wait(NULL) > 0);
}

int main(void)
{
	char *memory = NULL;
	uint64_t value = 7;
	int fd = -1;

	if (!strcmp(variant, "eventfd"))
		fd = eventfd(7, 0);
	if (!strcmp(variant, "timerfd"))
		fd = timerfd_create(CLOCK_MONOTONIC, 0);
	if (!strcmp(variant, "epoll"))
		fd = epoll_create1(0);
	if (!strcmp(variant, "inotify"))
		fd = inotify_init1(0);
	if (!strcmp(variant, "memfd"))
		fd = memfd_create("memory", 0);
	if (!strcmp(variant, "offset"))
		fd = open(path("file"), O_RDWR | O_CREAT, 0600);
	if (!strcmp(variant, "deleted")) {
		fd = open(path("file"), O_RDWR | O_CREAT, 0600);
		CHECK(!unlink(path("file")));
	}
	if (!strcmp(variant, "memfd") || !strcmp(variant, "deleted"))
		EQUAL(write(fd, &value, sizeof value), sizeof value);
	if (!strcmp(variant, "anonymous")) {
		memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK(memory != MAP_FAILED);
		memory[9] = 9;
	}
	if (!strcmp(variant, "segment")) {
		int id = shmget(IPC_PRIVATE, 4096, 0600);

		memory = shmat(id, NULL, 0);
		CHECK(memory != (void *)-1);
		CHECK(!shmctl(id, IPC_RMID, NULL));
		memory[9] = 9;
	}
	if (!strcmp(variant, "all-memory"))
		clone_orphan(CLONE_VM);
	else if (!strcmp(variant, "all-files"))
		clone_orphan(CLONE_FILES);
	else if (!strcmp(variant, "directory"))
		clone_orphan(CLONE_FS);
	else if (orphan())
		other_side();
	while (access(path("forked"), F_OK))
		pause_ms(2);
	ready();
	value = 0;
	if (!strcmp(variant, "eventfd"))
		EQUAL(read(fd, &value, sizeof value), sizeof value);
	if (!strcmp(variant, "memfd") || !strcmp(variant, "deleted"))
		EQUAL(pread(fd, &value, sizeof value, 0), sizeof value);
	if (value)
		EQUAL(value, 7);
	if (memory)
		EQUAL(memory[9], 9);
	return passed();
}
