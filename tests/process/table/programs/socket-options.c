/*
 * Socket options: some of each kind are set, and then all that can be read are
 * compared with what they were. The variant is the kind of socket.
 */
#include "stage.h"
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { LEVELS = 6, NAMES = 128, SIZE = 64 };
static const int levels[LEVELS] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, 136};
static unsigned char before[LEVELS][NAMES][SIZE], after[LEVELS][NAMES][SIZE];
static int lengths_before[LEVELS][NAMES], lengths_after[LEVELS][NAMES];

/* What tells of the moment, or does something, when it is read. */
static int passing(int level, int name)
{
	if (level == SOL_SOCKET)
		return name == SO_ERROR || name == 55 /* SO_MEMINFO */ || name == 57 /* SO_COOKIE */ || name == 77 /* SO_PEERPIDFD */;
	if (level == IPPROTO_TCP)
		return name == TCP_INFO || name == TCP_TIMESTAMP || name == TCP_CC_INFO || name == TCP_ZEROCOPY_RECEIVE;
	return level == IPPROTO_IP && name >= 64;
}

static void look(int fd, unsigned char values[LEVELS][NAMES][SIZE], int lengths[LEVELS][NAMES])
{
	for (int l = 0; l < LEVELS; l++)
		for (int n = 0; n < NAMES; n++) {
			socklen_t length = SIZE;

			lengths[l][n] = -1;
			if (!passing(levels[l], n) && !getsockopt(fd, levels[l], n, values[l][n], &length))
				lengths[l][n] = length;
		}
}

static int changed; /* how many options were given another value */

static void set_bytes(int fd, int level, int name, const void *value, socklen_t length)
{
	if (!setsockopt(fd, level, name, value, length))
		changed++;
	else if (errno != EPERM && errno != EACCES && errno != ENOPROTOOPT && errno != EOPNOTSUPP)
		failed("option %d of level %d: %s", name, level, strerror(errno));
}

static void set(int fd, int level, int name, int value) { set_bytes(fd, level, name, &value, sizeof value); }

int main(void)
{
	int six = !!strchr(variant, '6'), local = !strncmp(variant, "unix", 4), tcp = !strncmp(variant, "tcp", 3);
	int fd = local ? socket(AF_UNIX, strcmp(variant, "unix") ? SOCK_DGRAM : SOCK_STREAM, 0) :
			 socket(six ? AF_INET6 : AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct sock_filter all[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_K, 0xffff)};
	struct sock_fprog program = {2, all};
	struct timeval t = {5, 250000};
	struct linger linger = {1, 9};
	uint64_t rate = 5ULL << 32;

	if (fd < 0)
		unable(variant);
	set(fd, SOL_SOCKET, SO_DEBUG, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, SOL_SOCKET, SO_MARK, 77);
	set(fd, SOL_SOCKET, SO_SNDBUF, 20000);
	set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 20 << 20); /* beyond rmem_max */
	set(fd, SOL_SOCKET, SO_RCVLOWAT, 5);
	set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	set(fd, SOL_SOCKET, SO_PEEK_OFF, 10);
	set(fd, SOL_SOCKET, SO_PASSCRED, 1);
	set(fd, SOL_SOCKET, 76 /* SO_PASSPIDFD */, 1);
	set(fd, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, 0);
	set(fd, SOL_SOCKET, 75 /* SO_RCVMARK */, 1);
	set(fd, SOL_SOCKET, 82 /* SO_RCVPRIORITY */, 1);
	set(fd, SOL_SOCKET, SO_INCOMING_CPU, 0);
	set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set(fd, SOL_SOCKET, SO_TIMESTAMPING, 8 | 16);
	set_bytes(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	set_bytes(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	set_bytes(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
	int before_filter = changed, filtered;
	set_bytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
	filtered = changed > before_filter; /* some kernels let only root attach one to TCP */
	set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
	if (!local) {
		set(fd, IPPROTO_IP, IP_TOS, 0x10); /* and with it SO_PRIORITY */
		set(fd, SOL_SOCKET, SO_PRIORITY, 0);
		set(fd, IPPROTO_IP, IP_TTL, 33);
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
		set(fd, IPPROTO_IP, IP_RECVTOS, 1);
		set(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
		set(fd, IPPROTO_IP, IP_FREEBIND, 1);
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		set_bytes(fd, IPPROTO_IP, IP_OPTIONS, "\1\1\1\0", 4);
		set_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	}
	if (six) {
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
		set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 12);
		set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set(fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0);
		set(fd, IPPROTO_IPV6, 73 /* IPV6_MINHOPCOUNT */, 3);
		set_bytes(fd, IPPROTO_IPV6, IPV6_DSTOPTS, "\0\0\1\4\0\0\0\0", 8);
	}
	if (tcp) {
		set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		set(fd, IPPROTO_TCP, TCP_MAXSEG, 900);
		set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 50);
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
		set(fd, IPPROTO_TCP, TCP_FASTOPEN, 7);
		set_bytes(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, "0123456789abcdef", 16);
		set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000);
		set(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1);
		set_bytes(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 5);
	} else if (!local) {
		set(fd, SOL_SOCKET, SO_BROADCAST, 1);
		set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 9);
		set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
		set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
		set_bytes(fd, IPPROTO_IP, IP_MULTICAST_IF, &(struct in_addr){htonl(INADDR_LOOPBACK)}, 4);
		set(fd, IPPROTO_UDP, UDP_CORK, 1);
		set(fd, IPPROTO_UDP, UDP_SEGMENT, 1200);
		set(fd, IPPROTO_UDP, UDP_GRO, 1);
	}
	CHECK(changed > 12);
	look(fd, before, lengths_before);
	ready();
	look(fd, after, lengths_after);
	for (int l = 0; l < LEVELS; l++)
		for (int n = 0; n < NAMES; n++) {
			if (lengths_before[l][n] != lengths_after[l][n] ||
			    memcmp(before[l][n], after[l][n], lengths_before[l][n] > 0 ? lengths_before[l][n] : 0))
				failed("option %d of level %d: length %d to %d, %#x to %#x", n, levels[l], lengths_before[l][n], lengths_after[l][n],
				       *(int *)before[l][n], *(int *)after[l][n]);
		}
	/* The filter is the program's own, and locked. */
	socklen_t length = 2;
	CHECK(!getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, all, &length));
	EQUAL(length, filtered ? 2 : 0);
	EQUAL(all[1].k, 0xffff);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &length, sizeof length) && errno == EPERM);
	return passed();
}
