/* A socket that is bound to a network device that is gone (SO_BINDTODEVICE). */
#include "stage.h"
#include <sys/socket.h>

int main(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), none = 0x7ffffff0;

	/* The kernel does not ask whether there is one of that number. */
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof none));
	ready();
	return passed();
}
