/* Threads that wait for a mutex, a condition, a semaphore, and an error-checking owner. */
#include "stage.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, checking;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t of_condition = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;
static int said;

static void *wants_mutex(void *unused)
{
	CHECK(!pthread_mutex_lock(&mutex));
	CHECK(!pthread_mutex_unlock(&mutex));
	return NULL;
}

static void *wants_condition(void *unused)
{
	CHECK(!pthread_mutex_lock(&of_condition));
	while (!said)
		CHECK(!pthread_cond_wait(&condition, &of_condition));
	CHECK(!pthread_mutex_unlock(&of_condition));
	return NULL;
}

static void *wants_semaphore(void *unused)
{
	CHECK(!sem_wait(&semaphore));
	return NULL;
}

int main(void)
{
	pthread_t t[3];
	pthread_mutexattr_t a;

	/* This kind knows its owner by the thread ID that glibc remembers. */
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	CHECK(!pthread_mutex_init(&checking, &a));
	CHECK(!sem_init(&semaphore, 0, 0) && !pthread_mutex_lock(&mutex));
	CHECK(!pthread_create(&t[0], NULL, wants_mutex, NULL) && !pthread_create(&t[1], NULL, wants_condition, NULL));
	CHECK(!pthread_create(&t[2], NULL, wants_semaphore, NULL));
	pause_ms(30);
	ready();
	CHECK(!pthread_mutex_unlock(&mutex) && !sem_post(&semaphore));
	CHECK(!pthread_mutex_lock(&of_condition));
	said = 1;
	CHECK(!pthread_cond_broadcast(&condition) && !pthread_mutex_unlock(&of_condition));
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(t[i], NULL));
	EQUAL(pthread_mutex_lock(&checking), 0);
	EQUAL(pthread_mutex_lock(&checking), EDEADLK);
	EQUAL(pthread_mutex_unlock(&checking), 0);
	EQUAL(pthread_kill(pthread_self(), 0), 0);
	return passed();
}
