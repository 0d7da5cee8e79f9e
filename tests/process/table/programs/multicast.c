/* Multicast groups: of every source, of all but one, of one only; over IPv4 and IPv6. */
#include "stage.h"
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int is_member(int fd, int level, const struct sockaddr_storage *group, int mode, int sources)
{
	union {
		struct group_filter f;
		char room[2048];
	} u = {.f = {.gf_interface = if_nametoindex("lo"), .gf_group = *group, .gf_numsrc = 4}};
	socklen_t length = sizeof u;

	if (getsockopt(fd, level, MCAST_MSFILTER, &u, &length))
		return 0;
	EQUAL(u.f.gf_fmode, mode);
	EQUAL(u.f.gf_numsrc, sources);
	return 1;
}

static struct sockaddr_storage address(int family, int last)
{
	struct sockaddr_storage a = {.ss_family = family};

	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(0xefff0000 | last);
	else
		memcpy(&((struct sockaddr_in6 *)&a)->sin6_addr, (unsigned char[16]){0xff, 0x12, [15] = last}, 16);
	return a;
}

static void join(int fd, int level, int name, const struct sockaddr_storage *group, const struct sockaddr_storage *source)
{
	struct group_source_req r = {.gsr_interface = if_nametoindex("lo"), .gsr_group = *group};

	if (source)
		r.gsr_source = *source;
	CHECK(!setsockopt(fd, level, name, &r, source ? sizeof r : sizeof(struct group_req)));
}

int main(void)
{
	int family = !strcmp(variant, "ipv6") ? AF_INET6 : AF_INET, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int fd = socket(family, SOCK_DGRAM, 0), none = socket(family, SOCK_DGRAM, 0);
	struct sockaddr_storage one = address(family, 1), two = address(family, 2), three = address(family, 3);
	struct sockaddr_storage source = {.ss_family = family}, other = source;

	if (fd < 0 || !if_nametoindex("lo"))
		unable(variant);
	if (family == AF_INET) {
		((struct sockaddr_in *)&source)->sin_addr.s_addr = htonl(0x7f000005);
		((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(0x7f000006);
	} else {
		((struct sockaddr_in6 *)&source)->sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
		((struct sockaddr_in6 *)&other)->sin6_addr = (struct in6_addr){{{0x20, 1, [15] = 1}}};
	}
	join(fd, level, MCAST_JOIN_GROUP, &one, NULL);
	join(fd, level, MCAST_JOIN_GROUP, &two, NULL);
	join(fd, level, MCAST_BLOCK_SOURCE, &two, &source);
	join(fd, level, MCAST_JOIN_SOURCE_GROUP, &three, &source);
	join(fd, level, MCAST_JOIN_SOURCE_GROUP, &three, &other);
	ready();
	CHECK(is_member(fd, level, &one, MCAST_EXCLUDE, 0));
	CHECK(is_member(fd, level, &two, MCAST_EXCLUDE, 1));
	CHECK(is_member(fd, level, &three, MCAST_INCLUDE, 2));
	CHECK(!is_member(none, level, &one, 0, 0));
	return passed();
}
