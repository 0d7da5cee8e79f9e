/* A thread that has other rights than the first; the variant says which. */
#include "stage.h"
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static sem_t changed, over;

static void *change(void *unused)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &allow};

	if (!strcmp(variant, "personality")) {
		CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
	} else if (!strcmp(variant, "seccomp")) {
		CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	} else {
		CHECK(!syscall(SYS_capget, &h, data));
		data[0].effective &= ~(1 << CAP_CHOWN);
		CHECK(!syscall(SYS_capset, &h, data));
	}
	CHECK(!sem_post(&changed));
	while (sem_wait(&over))
		EQUAL(errno, EINTR);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	CHECK(!sem_init(&changed, 0, 0) && !sem_init(&over, 0, 0));
	CHECK(!pthread_create(&thread, NULL, change, NULL));
	while (sem_wait(&changed))
		EQUAL(errno, EINTR);
	ready();
	CHECK(!sem_post(&over));
	CHECK(!pthread_join(thread, NULL));
	return passed();
}
