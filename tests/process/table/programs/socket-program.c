/* A socket with a BPF program (SO_ATTACH_BPF), or a group of them with one, that the kernel does not give out. */
#include "stage.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int main(void)
{
	struct bpf_insn take[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0xffff}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr a = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2, .insns = (uintptr_t)take, .license = (uintptr_t) "GPL"};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sock_filter second[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
	struct sock_fprog choose = {1, second};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
	socklen_t length = sizeof to;
	char b[4];

	if (!strcmp(variant, "filter")) {
		int program = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof a);

		if (program < 0)
			unable("bpf(2)");
		CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program));
		close(program);
		ready();
		return passed();
	}
	/* All that is sent to the group goes to the second. */
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) && !setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes));
	CHECK(!bind(fd, (void *)&to, sizeof to) && !getsockname(fd, (void *)&to, &length) && !bind(other, (void *)&to, sizeof to));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &choose, sizeof choose));
	ready();
	for (int i = 0; i < 64; i++) {
		int s = socket(AF_INET, SOCK_DGRAM, 0); /* from another port each time */
		EQUAL(sendto(s, "x", 1, 0, (void *)&to, sizeof to), 1);
		close(s);
	}
	close(sender);
	int first = 0;
	while (recv(fd, b, sizeof b, MSG_DONTWAIT) > 0)
		first++;
	EQUAL(first, 0);
	return passed();
}
