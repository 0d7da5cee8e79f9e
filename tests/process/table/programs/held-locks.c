/*
 * Locks that are held, each by a thread of its own, of all kinds that know who holds
 * them; and numbers that look like one.
 */
#include "stage.h"
#include <pthread.h>
#include <sys/mman.h>

enum { RECURSIVE, CHECKING, ROBUST, COUNTING_ROBUST, LENDING, WRITTEN, SHARED, ACROSS, LOCKS };

static union lock {
	pthread_mutex_t mutex;
	pthread_rwlock_t rw;
} at_once[LOCKS], *locks[LOCKS];
static pthread_barrier_t go;
static struct { unsigned lock, count, owner, users, kind; } like;

static void make(int which)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	switch (which) {
	case RECURSIVE: case SHARED: case ACROSS: pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE); break;
	case CHECKING: pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK); break;
	case COUNTING_ROBUST: pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE); /* fall through */
	case ROBUST: pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST); break;
	case LENDING: pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT); break;
	case WRITTEN: CHECK(!pthread_rwlock_init(&locks[which]->rw, NULL)); return;
	}
	CHECK(!pthread_mutex_init(&locks[which]->mutex, &a));
}

static int take(int which) { return which == WRITTEN ? pthread_rwlock_wrlock(&locks[which]->rw) : pthread_mutex_lock(&locks[which]->mutex); }
static int give(int which) { return which == WRITTEN ? pthread_rwlock_unlock(&locks[which]->rw) : pthread_mutex_unlock(&locks[which]->mutex); }
static int attempt(int which) { return which == WRITTEN ? pthread_rwlock_tryrdlock(&locks[which]->rw) : pthread_mutex_trylock(&locks[which]->mutex); }

static int counts(int which) { return which == RECURSIVE || which == COUNTING_ROBUST || which == SHARED || which == ACROSS; }

static void *holder(void *number)
{
	int which = (int)(intptr_t)number;

	EQUAL(take(which), 0);
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	if (counts(which)) {
		EQUAL(take(which), 0);
		EQUAL(give(which), 0);
	} else if (which == CHECKING || which == WRITTEN) {
		EQUAL(take(which), EDEADLK);
	}
	pthread_barrier_wait(&go);
	EQUAL(give(which), 0);
	pthread_barrier_wait(&go);
	return NULL;
}

int main(void)
{
	pthread_t threads[LOCKS];
	char *pages;

	for (int i = 0; i < LOCKS; i++)
		locks[i] = &at_once[i];
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	locks[SHARED] = (void *)pages;
	CHECK(mremap(pages, 0, 8192, MREMAP_MAYMOVE) != MAP_FAILED); /* and once more */
	/* in two pages; and in two pieces of a megabyte, as they are looked through */
	pages = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	memset(pages, 1, 4 << 20);
	locks[ACROSS] = (void *)(pages + (1 << 20) - 16);
	like.owner = getpid(), like.lock = 1, like.users = 1, like.kind = 7777;
	pthread_barrier_init(&go, NULL, LOCKS + 1);
	for (int i = 0; i < LOCKS; i++) {
		make(i);
		CHECK(!pthread_create(&threads[i], NULL, holder, (void *)(intptr_t)i));
	}
	pthread_barrier_wait(&go);
	unsigned before = like.owner;
	ready();
	EQUAL(like.owner, before);
	pthread_barrier_wait(&go);
	for (int i = 0; i < LOCKS; i++)
		EQUAL(attempt(i), EBUSY);
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&go);
	for (int i = 0; i < LOCKS; i++) {
		EQUAL(attempt(i), 0);
		EQUAL(give(i), 0);
		CHECK(!pthread_join(threads[i], NULL));
	}
	return passed();
}
