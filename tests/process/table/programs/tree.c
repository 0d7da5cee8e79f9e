/* A process and others that descend from it: what they are to each other, and what they share. */
#include "family.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* well waits for a child that ended well. */
static void well(pid_t child)
{
	int status;

	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 0);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Each knows its own number and that of its parent, down a line of them. */
static int line(void)
{
	int depth = 0;
	pid_t child, self = getpid(), parent = getppid(), above = self;

	while (depth < 12 && !(child = born())) {
		depth++;
		parent = above;
		self = above = getpid();
	}
	if (depth < 12 && depth > 0)
		await_go();
	if (depth == 0)
		ready();
	else if (depth == 12)
		await_go();
	EQUAL(getpid(), self);
	if (depth > 0)
		EQUAL(getppid(), parent);
	if (depth < 12)
		well(child);
	if (depth > 0)
		_exit(0);
	return passed();
}

static volatile int told;
static void on_child(int signal) { told++; }

/* Children that have ended and were not waited for. */
static int zombies(void)
{
	int status;
	siginfo_t info;
	pid_t exited, killed, parent, quiet;

	signal(SIGCHLD, on_child);
	if (!(exited = born()))
		_exit(7);
	if (!(killed = born()))
		raise(SIGTERM);
	if (!(quiet = syscall(56 /* clone */, 0, 0, 0, 0, 0)))
		_exit(9);
	if (!(parent = born())) {
		pid_t child = born();

		if (!child)
			_exit(3);
		await_go();
		EQUAL(waitpid(child, &status, 0), child);
		EQUAL(WEXITSTATUS(status), 3);
		while (access(path("counted"), F_OK))
			pause_ms(1);
		_exit(0);
	}
	EQUAL(waitid(P_PID, exited, &info, WEXITED | WNOWAIT), 0);
	EQUAL(waitid(P_PID, killed, &info, WEXITED | WNOWAIT), 0);
	EQUAL(waitid(P_PID, quiet, &info, WEXITED | WNOWAIT | __WALL), 0);
	pause_ms(50);
	int before = told;
	ready();
	EQUAL(told, before);
	write_file("counted", "");
	EQUAL(waitid(P_PID, exited, &info, WEXITED | WNOWAIT), 0);
	EQUAL(info.si_code, CLD_EXITED);
	EQUAL(info.si_status, 7);
	EQUAL(waitpid(exited, &status, 0), exited);
	EQUAL(status, 7 << 8);
	EQUAL(waitpid(killed, &status, 0), killed);
	EQUAL(status, SIGTERM);
	EQUAL(waitpid(quiet, &status, __WCLONE), quiet);
	EQUAL(status, 9 << 8);
	well(parent);
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
	return passed();
}

/* A signal that tells of a child, and waits to be taken. */
static int pending(void)
{
	sigset_t set;
	siginfo_t info;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	if (!(child = born()))
		_exit(5);
	pause_ms(50);
	ready();
	EQUAL(sigwaitinfo(&set, &info), SIGCHLD);
	EQUAL(info.si_pid, child);
	EQUAL(info.si_status, 5);
	CHECK(sigtimedwait(&set, &info, &(struct timespec){0}) < 0 && errno == EAGAIN);
	int status;
	EQUAL(waitpid(child, &status, 0), child);
	EQUAL(status, 5 << 8);
	return passed();
}

/* Groups and sessions, also those of which the leader is gone. */
static int sessions(void)
{
	int *ids = shared(4096);
	pid_t leader, job, orphan, heir;

	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	if (!(leader = born())) {
		pid_t child, session = setsid();

		EQUAL(session, getpid());
		if (!(child = born())) {
			CHECK(!setpgid(0, 0));
			await_go();
			EQUAL(getsid(0), session);
			EQUAL(getpgrp(), getpid());
			_exit(0);
		}
		await_go();
		EQUAL(getsid(0), getpid());
		well(child);
		_exit(0);
	}
	if (!(job = born())) { /* the first of a group, which leaves others in it */
		CHECK(!setpgid(0, 0));
		if (!fork()) {
			await_go();
			EQUAL(getpgrp(), ids[0]);
			EQUAL(getppid(), ids[2]);
			_exit(0);
		}
		_exit(0);
	}
	ids[0] = job;
	ids[2] = getpid();
	if (!(heir = born())) { /* the first of a session, likewise */
		setsid();
		if (!fork()) {
			await_go();
			EQUAL(getsid(0), ids[1]);
			EQUAL(getppid(), ids[2]);
			_exit(0);
		}
		_exit(0);
	}
	ids[1] = heir;
	well(job);
	well(heir);
	pause_ms(50);
	ready();
	EQUAL(getsid(leader), leader);
	for (int i = 0; i < 3; i++) {
		int status;

		CHECK((orphan = wait(&status)) > 0);
		EQUAL(status, 0);
	}
	CHECK(wait(NULL) < 0);
	return passed();
}

/* Memory of no name, of a memfd, and of a deleted file. */
static int memory(void)
{
	volatile int *a = shared(8 << 20), *b, *c, *own;
	int memfd = memfd_create("shared", 0), file = open(path("gone"), O_RDWR | O_CREAT, 0600);
	pid_t child;

	CHECK(memfd >= 0 && file >= 0 && !ftruncate(memfd, 4096) && !ftruncate(file, 4096) && !unlink(path("gone")));
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	c = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(b != MAP_FAILED && c != MAP_FAILED && own != MAP_FAILED);
	a[0] = b[0] = c[0] = own[0] = 1;
	a[2000000] = 77;
	if (!(child = born())) {
		own[0] = 2;
		await_go();
		while (a[0] != 2)
			pause_ms(1);
		EQUAL(b[0], 3);
		EQUAL(c[0], 4);
		EQUAL(own[0], 2);
		EQUAL(a[2000000], 77);
		a[1] = 5;
		b[1] = 6;
		c[1] = 7;
		_exit(0);
	}
	pause_ms(30);
	ready();
	b[0] = 3;
	c[0] = 4;
	a[0] = 2;
	well(child);
	EQUAL(a[1], 5);
	EQUAL(b[1], 6);
	EQUAL(c[1], 7);
	EQUAL(own[0], 1);
	return passed();
}

/* A mutex and a condition that processes share: one waits for the other. */
static int mutex(void)
{
	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed;
		sem_t sem;
		int turn;
	} *s = shared(4096);
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	pid_t child;

	pthread_mutexattr_init(&m);
	pthread_condattr_init(&c);
	CHECK(!pthread_mutexattr_setpshared(&m, 1) && !pthread_condattr_setpshared(&c, 1));
	CHECK(!pthread_mutex_init(&s->lock, &m) && !pthread_cond_init(&s->changed, &c) && !sem_init(&s->sem, 1, 0));
	CHECK(!pthread_mutex_lock(&s->lock));
	if (!(child = born())) {
		CHECK(!pthread_mutex_lock(&s->lock)); /* here it is taken */
		while (s->turn != 1)
			CHECK(!pthread_cond_wait(&s->changed, &s->lock));
		s->turn = 2;
		pthread_mutex_unlock(&s->lock);
		sem_post(&s->sem);
		_exit(0);
	}
	pause_ms(30);
	ready();
	CHECK(!pthread_mutex_unlock(&s->lock));
	pause_ms(20);
	CHECK(!pthread_mutex_lock(&s->lock));
	s->turn = 1;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	CHECK(!sem_wait(&s->sem));
	EQUAL(s->turn, 2);
	well(child);
	return passed();
}

/* One open file of several processes: its offset, its flags, its lock. */
static int offset(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0600), other;
	char b[8];
	pid_t child;

	EQUAL(write(fd, "0123456789", 10), 10);
	EQUAL(lseek(fd, 0, SEEK_SET), 0);
	CHECK(!flock(fd, LOCK_EX));
	if (!(child = born())) {
		EQUAL(read(fd, b, 2), 2);
		await_go();
		while (lseek(fd, 0, SEEK_CUR) < 5)
			pause_ms(1);
		EQUAL(read(fd, b, 2), 2);
		CHECK(!memcmp(b, "56", 2));
		CHECK(!fcntl(fd, F_SETFL, O_APPEND));
		_exit(0);
	}
	pause_ms(30);
	ready();
	EQUAL(read(fd, b, 3), 3);
	CHECK(!memcmp(b, "234", 3));
	well(child);
	EQUAL(lseek(fd, 0, SEEK_CUR), 7);
	CHECK(fcntl(fd, F_GETFL) & O_APPEND);
	other = open(path("file"), O_RDWR);
	CHECK(flock(other, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK);
	return passed();
}

/* Locks of processes, on one file that all have open. */
static int locks(void)
{
	int fd = open(path("file"), O_RDWR | O_CREAT, 0600);
	struct flock mine = {.l_type = F_WRLCK, .l_len = 10}, theirs = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10}, ask;
	pid_t child;

	CHECK(!fcntl(fd, F_SETLK, &mine));
	if (!(child = born())) {
		CHECK(!fcntl(fd, F_SETLK, &theirs));
		await_go();
		ask = mine;
		CHECK(!fcntl(fd, F_GETLK, &ask));
		EQUAL(ask.l_type, F_WRLCK);
		EQUAL(ask.l_pid, getppid());
		while (access(path("asked"), F_OK))
			pause_ms(1);
		_exit(0);
	}
	pause_ms(30);
	ready();
	ask = theirs;
	CHECK(!fcntl(fd, F_GETLK, &ask));
	EQUAL(ask.l_type, F_WRLCK);
	EQUAL(ask.l_pid, child);
	EQUAL(ask.l_start, 10);
	write_file("asked", "");
	well(child);
	CHECK(!fcntl(fd, F_SETLK, &theirs));
	return passed();
}

/* sender receives a message and returns who sent it. */
static pid_t sender(int fd, const char *text)
{
	char b[64];
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr head;
	} control;
	struct iovec v = {b, sizeof b};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct ucred who;

	EQUAL(recvmsg(fd, &m, 0), strlen(text));
	CHECK(!memcmp(b, text, strlen(text)) && control.head.cmsg_type == SCM_CREDENTIALS);
	memcpy(&who, CMSG_DATA(&control.head), sizeof who);
	return who.pid;
}

/* Pipes and socket pairs with something in them; and their ends, when one is closed. */
static int between(void)
{
	int p[2], back[2], stream[2], packets[2], datagrams[2];
	char b[64];
	pid_t child;

	CHECK(!pipe(p) && !pipe(back) && !socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) && !socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams));
	if (!(child = born())) {
		close(p[1]), close(back[0]), close(stream[0]), close(packets[0]), close(datagrams[0]);
		EQUAL(write(back[1], "back", 4), 4);
		EQUAL(write(stream[1], "up", 2), 2);
		await_go();
		EQUAL(read(p[0], b, 64), 4);
		EQUAL(read(p[0], b, 64), 0); /* the end, once the other has closed it */
		EQUAL(read(stream[1], b, 64), 4);
		EQUAL(read(packets[1], b, 64), 3);
		EQUAL(read(packets[1], b, 64), 5);
		EQUAL(read(datagrams[1], b, 64), 7);
		EQUAL(read(stream[1], b, 64), 0);
		_exit(0);
	}
	close(p[0]), close(back[1]), close(stream[1]), close(packets[1]), close(datagrams[1]);
	EQUAL(write(p[1], "down", 4), 4);
	EQUAL(write(stream[0], "down", 4), 4);
	EQUAL(write(packets[0], "one", 3), 3);
	EQUAL(write(packets[0], "three", 5), 5);
	EQUAL(write(datagrams[0], "message", 7), 7);
	pause_ms(30);
	ready();
	EQUAL(read(back[0], b, 64), 4);
	EQUAL(read(stream[0], b, 64), 2);
	close(p[1]);
	CHECK(!shutdown(stream[0], SHUT_WR));
	well(child);
	EQUAL(read(back[0], b, 64), 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK(write(packets[0], "x", 1) < 0 && errno == EPIPE);
	return passed();
}

/* Messages that say who sent them, and wait to be read. */
static int credentials(void)
{
	int pair[2], made[2];
	pid_t child;
	struct ucred by;
	socklen_t size = sizeof by;

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) && !socketpair(AF_UNIX, SOCK_STREAM, 0, made));
	for (int i = 0; i < 2; i++)
		CHECK(!setsockopt(pair[i], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
	if (!(child = born())) {
		EQUAL(write(pair[1], "up", 2), 2);
		await_go();
		EQUAL(sender(pair[1], "down"), getppid());
		CHECK(!getsockopt(made[1], SOL_SOCKET, SO_PEERCRED, &by, &size));
		EQUAL(by.pid, getppid());
		_exit(0);
	}
	close(made[0]), close(made[1]);
	EQUAL(write(pair[0], "down", 4), 4);
	pause_ms(50);
	ready();
	EQUAL(sender(pair[0], "up"), child);
	well(child);
	return passed();
}

/* What is waited for by several, and by way of sets that are shared. */
static int events(void)
{
	int event = eventfd(5, 0), set = epoll_create1(0), p[2];
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 1}, got;
	uint64_t n;
	pid_t child;

	CHECK(!pipe(p) && !epoll_ctl(set, EPOLL_CTL_ADD, event, &e));
	if (!(child = born())) {
		e.data.u64 = 2;
		CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
		await_go();
		EQUAL(read(event, &n, 8), 8);
		EQUAL(n, 5);
		n = 3;
		EQUAL(write(event, &n, 8), 8);
		_exit(0);
	}
	pause_ms(30);
	ready();
	well(child);
	EQUAL(read(event, &n, 8), 8);
	EQUAL(n, 3);
	EQUAL(epoll_wait(set, &got, 1, 0), 0);
	EQUAL(write(p[1], "x", 1), 1);
	EQUAL(epoll_wait(set, &got, 1, 0), 1);
	EQUAL(got.data.u64, 2);
	return passed();
}

/* A listener, at which several wait. */
static int listener(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int s = socket(AF_INET, SOCK_STREAM, 0);
	pid_t children[3];
	char c;

	CHECK(!setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	CHECK(!bind(s, (void *)&at, sizeof at) && !listen(s, 8) && !getsockname(s, (void *)&at, &size));
	for (int i = 0; i < 3; i++) {
		if (!(children[i] = born())) {
			int one = accept(s, NULL, NULL);

			CHECK(one >= 0);
			EQUAL(write(one, "k", 1), 1);
			_exit(0);
		}
	}
	pause_ms(30);
	ready();
	for (int i = 0; i < 3; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);

		CHECK(!connect(client, (void *)&at, size));
		EQUAL(read(client, &c, 1), 1);
		close(client);
	}
	for (int i = 0; i < 3; i++)
		well(children[i]);
	return passed();
}

/* A child that is stopped. */
static int stopped(void)
{
	int status;
	pid_t child;

	if (!(child = born())) {
		raise(SIGSTOP);
		_exit(0);
	}
	EQUAL(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	ready();
	pause_ms(20);
	EQUAL(waitpid(child, &status, WNOHANG), 0);
	CHECK(!kill(child, SIGCONT));
	well(child);
	return passed();
}

/*
 * Numbers on their way: from one process to another by a pipe, both of which say in shared
 * memory how far they are. What was sent and not received has to be in the pipe.
 */
static int traffic(void)
{
	struct {
		volatile long sent, received, echoed;
		volatile int stop;
	} *s = shared(4096);
	int p[2], pair[2];
	pid_t sender, receiver, echo;
	long n;

	CHECK(!pipe(p) && !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	if (!(sender = born())) {
		for (n = 1; !s->stop; n++) {
			EQUAL(write(p[1], &n, sizeof n), sizeof n);
			s->sent = n;
		}
		n = -1;
		EQUAL(write(p[1], &n, sizeof n), sizeof n);
		_exit(0);
	}
	if (!(receiver = born())) {
		for (;;) {
			EQUAL(read(p[0], &n, sizeof n), sizeof n);
			if (n < 0)
				_exit(0);
			EQUAL(n, s->received + 1);
			s->received = n;
		}
	}
	if (!(echo = born())) {
		for (;;) {
			EQUAL(read(pair[1], &n, sizeof n), sizeof n);
			EQUAL(n, s->echoed + 1);
			s->echoed = n;
			EQUAL(write(pair[1], &n, sizeof n), sizeof n);
			if (s->stop)
				_exit(0);
		}
	}
	say_ready();
	for (long k = 1; access(path("go"), F_OK); k++) {
		EQUAL(write(pair[0], &k, sizeof k), sizeof k);
		EQUAL(read(pair[0], &n, sizeof n), sizeof n);
		EQUAL(n, k);
	}
	s->stop = 1;
	n = s->echoed + 1;
	EQUAL(write(pair[0], &n, sizeof n), sizeof n);
	well(sender);
	well(receiver);
	well(echo);
	EQUAL(s->received, s->sent);
	return passed();
}

/* System V shared memory that a child has at another address, and another child by its ID alone. */
static int segment(void)
{
	key_t key = unique();
	int id = shmget(key, 70000, IPC_CREAT | IPC_EXCL | 0600);
	volatile int *m = shmat(id, NULL, 0);
	pid_t there, later;

	CHECK(id >= 0 && m != (void *)-1);
	m[17000] = 17;
	if (!(there = born())) {
		volatile int *n = shmat(id, NULL, 0);

		CHECK(n != (void *)-1);
		CHECK(!shmdt((void *)m));
		n[1] = 1;
		await_go();
		EQUAL(n[17000], 17);
		n[2] = 2;
		_exit(0);
	}
	if (!(later = born())) {
		CHECK(!shmdt((void *)m));
		m = NULL;
		await_go();
		EQUAL(shmget(key, 0, 0), id);
		CHECK((m = shmat(id, NULL, 0)) != (void *)-1);
		EQUAL(m[17000], 17);
		m[3] = 3;
		_exit(0);
	}
	while (!m[1])
		pause_ms(1);
	write_number("segment", id);
	ready();
	well(there);
	well(later);
	EQUAL(m[2], 2);
	EQUAL(m[3], 3);
	CHECK(!shmctl(id, IPC_RMID, NULL));
	return passed();
}

int main(void)
{
	static const struct {
		const char *name;
		int (*play)(void);
	} all[] = {
		{"line", line}, {"zombies", zombies}, {"pending", pending}, {"sessions", sessions}, {"memory", memory},
		{"segment", segment},
		{"mutex", mutex}, {"offset", offset}, {"locks", locks}, {"between", between}, {"credentials", credentials}, {"events", events},
		{"listener", listener}, {"stopped", stopped}, {"traffic", traffic},
	};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!strcmp(all[i].name, variant))
			return all[i].play();
	failed("no variant %s", variant);
}
