/* Descriptors of kernel objects that no image can hold; the variant says which. */
#include "stage.h"
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <mqueue.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

int main(void)
{
	int fd = -1;
	char queue[64];

	if (!strcmp(variant, "fanotify"))
		fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	if (!strcmp(variant, "perf_event")) {
		struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof a, .config = PERF_COUNT_SW_TASK_CLOCK,
					    .exclude_kernel = 1, .exclude_hv = 1};
		fd = syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
	}
	if (!strcmp(variant, "mqueue")) {
		snprintf(queue, sizeof queue, "/snappipe-%u", unique());
		fd = mq_open(queue, O_RDWR | O_CREAT, 0600, NULL);
		mq_unlink(queue);
	}
	if (!strcmp(variant, "netlink"))
		fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (!strcmp(variant, "packet"))
		fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (!strcmp(variant, "xdp"))
		fd = socket(AF_XDP, SOCK_RAW, 0);
	if (!strcmp(variant, "deleted-device") && !mknod(path("null"), S_IFCHR | 0600, makedev(1, 3))) {
		fd = open(path("null"), O_RDWR);
		unlink(path("null"));
	}
	if (!strcmp(variant, "pressure")) {
		fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK);
		if (fd >= 0 && write(fd, "some 500000 2000000", 20) != 20)
			unable(variant);
	}
	if (!strcmp(variant, "trace"))
		fd = open("/sys/kernel/tracing/trace_pipe", O_RDONLY);
	if (!strcmp(variant, "raw"))
		fd = socket(AF_INET, SOCK_RAW, 1);
	if (!strcmp(variant, "namespace"))
		fd = open("/proc/self/ns/net", O_RDONLY);
	if (!strcmp(variant, "hugetlb"))
		fd = memfd_create("huge", MFD_HUGETLB);
	if (!strcmp(variant, "kmsg"))
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (!strcmp(variant, "secret-file"))
		fd = syscall(SYS_memfd_secret, 0);
	if (!strcmp(variant, "secret")) {
		fd = syscall(SYS_memfd_secret, 0);
		if (fd >= 0) {
			CHECK(!ftruncate(fd, 4096));
			CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
		}
	}
	if (fd < 0)
		unable(variant);
	ready();
	CHECK(fcntl(fd, F_GETFD) >= 0);
	return passed();
}
