/* A process whose first thread has ended while another goes on. */
#include "stage.h"
#include <pthread.h>

static void *thread(void *unused)
{
	pause_ms(50);
	ready();
	_exit(passed());
}

int main(void)
{
	pthread_t other;

	CHECK(!pthread_create(&other, NULL, thread, NULL));
	pthread_exit(NULL);
}
