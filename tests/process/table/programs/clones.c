/*
 * Processes that have descriptors, or the working directory and umask, in common by
 * clone(2). Each is asked by the first to do things, and whether it sees what others did.
 */
#include "family.h"
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { MOST = 6, FIRST_FD = 100 };
enum request { OPEN, SHUT, IS_OPEN, SET_UMASK, GET_UMASK, ENTER, WHERE, LOCK, LOCKED_BY, RELEASE, END };

/* desk is where a member is asked for something. */
struct desk {
	volatile int asked, answered;
	enum request what;
	long argument;
	volatile long answer;
	char text[512];
	pid_t pid;
};

static struct desk *desks;
static int counter, set, file, members = 1;
static int files_of[MOST] = {0, 1, 2, 3, 4, 5}, directory_of[MOST] = {0, 1, 2, 3, 4, 5};

static struct flock range(long start) { return (struct flock){.l_type = F_WRLCK, .l_start = start, .l_len = 10}; }

static long answer(struct desk *d)
{
	struct flock lock = range(d->argument);
	long old;

	switch (d->what) {
	case OPEN:
		return dup2(counter, d->argument);
	case SHUT:
		return close(d->argument);
	case IS_OPEN:
		return fcntl(d->argument, F_GETFD) >= 0;
	case SET_UMASK:
		return umask(d->argument);
	case GET_UMASK:
		old = umask(0);
		umask(old);
		return old;
	case ENTER:
		return chdir(d->text);
	case WHERE:
		return getcwd(d->text, sizeof d->text) ? 0 : -errno;
	case LOCK:
		return fcntl(file, F_SETLK, &lock);
	case LOCKED_BY: /* -1 is nobody */
		return fcntl(file, F_GETLK, &lock) ? -2 : lock.l_type == F_UNLCK ? -1 : lock.l_pid;
	case RELEASE: /* any descriptor of the file does it, for all who share them */
		return close(dup(file));
	case END:
		_exit(0);
	}
	return -3;
}

static void serve(struct desk *d)
{
	for (;;) {
		while (d->asked == d->answered)
			pause_ms(1);
		d->answer = answer(d);
		d->answered = d->asked;
	}
}

static long ask(int i, enum request what, long argument)
{
	struct desk *d = &desks[i];

	d->what = what;
	d->argument = argument;
	if (!i)
		return answer(d);
	d->asked++;
	for (int n = 0; what != END && d->asked != d->answered; n++) {
		CHECK(n < 120000);
		pause_ms(1);
	}
	return d->answer;
}

/* member makes one with flags of clone(2); in that it returns 0. */
static int member(int i, long flags)
{
	pid_t parent = flags & CLONE_PARENT ? getppid() : getpid();
	pid_t child = syscall(SYS_clone, flags | (flags & CLONE_PARENT ? 0 : SIGCHLD), 0, 0, 0, 0);

	CHECK(child >= 0);
	if (child)
		return i;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	EQUAL(getppid(), parent);
	desks[i].pid = getpid();
	return 0;
}

static void *idle(void *none)
{
	for (;;)
		pause();
	return none;
}

/* begun waits for a member, which makes others before it serves. */
static void begun(int i)
{
	members = i + 1 > members ? i + 1 : members;
	ask(i, GET_UMASK, 0);
}

/* family makes one, and says who has what in common. */
static void family(long flags)
{
	pthread_t thread;

	if (!member(1, flags)) { /* which has another itself */
		if (!strcmp(variant, "session"))
			CHECK(setsid() > 0);
		if (!member(2, flags))
			serve(&desks[2]);
		if (!strcmp(variant, "between"))
			CHECK(!unshare(flags));
		if (!strcmp(variant, "both"))
			CHECK(!pthread_create(&thread, NULL, idle, NULL));
		serve(&desks[1]);
	}
	begun(1);
	begun(2);
	if (!member(3, 0)) /* has all by itself */
		serve(&desks[3]);
	begun(3);
	for (int i = 1; i <= 2; i++) {
		if (i == 1 && !strcmp(variant, "between"))
			continue;
		files_of[i] = flags & CLONE_FILES ? 0 : i;
		directory_of[i] = flags & CLONE_FS ? 0 : i;
	}
}

/* siblings share what their parent has not. */
static void siblings(int i)
{
	if (!member(i, 0)) {
		if (!member(i + 1, CLONE_PARENT | CLONE_FILES | CLONE_FS))
			serve(&desks[i + 1]);
		serve(&desks[i]);
	}
	begun(i);
	begun(i + 1);
	files_of[i + 1] = directory_of[i + 1] = i;
}

/* apart has one process share this with one, and that with another. */
static void apart(void)
{
	if (!member(1, CLONE_FILES)) {
		if (!member(2, CLONE_FS))
			serve(&desks[2]);
		serve(&desks[1]);
	}
	begun(1);
	begun(2);
	files_of[1] = 0;
	directory_of[2] = 1;
}

/* shared sees that each sees of each what it should, and nothing else. */
static void shared(void)
{
	for (int i = 0; i < members; i++) {
		char name[32];
		int fd = FIRST_FD + i;

		for (int j = 0; j < members; j++)
			ask(j, SET_UMASK, 022);
		EQUAL(ask(i, OPEN, fd), fd);
		ask(i, SET_UMASK, 050 + i);
		snprintf(name, sizeof name, "%d", i);
		mkdir(path(name), 0700);
		strcpy(desks[i].text, path(name));
		EQUAL(ask(i, ENTER, 0), 0);
		for (int j = 0; j < members; j++) {
			EQUAL(ask(j, IS_OPEN, fd), files_of[i] == files_of[j]);
			EQUAL(ask(j, GET_UMASK, 0), directory_of[i] == directory_of[j] ? 050 + i : 022);
			EQUAL(ask(j, WHERE, 0), 0);
			EQUAL(!strcmp(strrchr(desks[j].text, '/') + 1, name), directory_of[i] == directory_of[j]);
		}
		for (int j = members - 1; j >= 0; j--)
			if (files_of[i] == files_of[j]) { /* the last of them closes it for all */
				EQUAL(ask(j, SHUT, fd), 0);
				break;
			}
		for (int j = 0; j < members; j++)
			EQUAL(ask(j, IS_OPEN, fd), 0);
	}
}

/* kept sees that what was open and set before is so still. */
static void kept(void)
{
	uint64_t n = 3;
	struct epoll_event event;

	for (int i = 0; i < members; i++) {
		int first = directory_of[i];

		EQUAL(ask(i, IS_OPEN, 200 + files_of[i]), 1);
		EQUAL(ask(i, GET_UMASK, 0), 060 + first);
		EQUAL(ask(i, WHERE, 0), 0);
		EQUAL(atoi(strrchr(desks[i].text, '/') + 1), first);
	}
	EQUAL(epoll_wait(set, &event, 1, 0), 0);
	EQUAL(write(counter, &n, sizeof n), sizeof n);
	EQUAL(epoll_wait(set, &event, 1, 0), 1);
	EQUAL(read(counter, &n, sizeof n), sizeof n);
	EQUAL(n, 3);
}

static void prepare(void)
{
	for (int i = 0; i < members; i++) {
		EQUAL(ask(i, OPEN, 200 + files_of[i]), 200 + files_of[i]);
		ask(i, SET_UMASK, 060 + directory_of[i]);
		snprintf(desks[i].text, sizeof desks[i].text, "%s/%d", directory, directory_of[i]);
		EQUAL(ask(i, ENTER, 0), 0);
	}
}

/* POSIX locks are those of all that share the descriptors, and of nobody else. */
static int locks(void)
{
	int status;

	file = open(path("file"), O_RDWR | O_CREAT, 0600);
	family(CLONE_FILES);
	EQUAL(ask(2, LOCK, 0), 0);
	EQUAL(ask(0, LOCK, 100), 0);
	if (!member(4, CLONE_FILES)) {
		serve(&desks[4]);
	}
	begun(4);
	EQUAL(ask(4, LOCK, 200), 0);
	ask(4, END, 0);
	EQUAL(waitpid(desks[4].pid, &status, 0), desks[4].pid);
	ready();
	EQUAL(ask(3, LOCKED_BY, 0), desks[2].pid);
	EQUAL(ask(3, LOCKED_BY, 100), getpid());
	CHECK(ask(3, LOCKED_BY, 200) != -1);
	for (int i = 0; i <= 2; i++)
		for (int at = 0; at <= 200; at += 100)
			EQUAL(ask(i, LOCKED_BY, at), -1);
	ask(3, RELEASE, 0);
	CHECK(ask(3, LOCKED_BY, 0) != -1);
	ask(1, RELEASE, 0);
	for (int at = 0; at <= 200; at += 100)
		EQUAL(ask(3, LOCKED_BY, at), -1);
	return passed();
}

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	desks = mmap(NULL, MOST * sizeof *desks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(desks != MAP_FAILED);
	counter = eventfd(0, 0);
	set = epoll_create1(0);
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, counter, &event));
	if (!strcmp(variant, "locks"))
		return locks();
	if (!strcmp(variant, "files"))
		family(CLONE_FILES);
	else if (!strcmp(variant, "directory"))
		family(CLONE_FS);
	else if (!strcmp(variant, "apart"))
		apart();
	else if (!strcmp(variant, "siblings") || !strcmp(variant, "pairs"))
		siblings(1);
	else
		family(CLONE_FILES | CLONE_FS);
	if (!strcmp(variant, "pairs"))
		siblings(3);
	shared();
	prepare();
	kept();
	ready();
	kept();
	shared();
	return passed();
}
