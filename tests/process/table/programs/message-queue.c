/* A System V message queue with a message. */
#include "stage.h"
#include <sys/msg.h>

int main(void)
{
	int queue = msgget(IPC_PRIVATE, 0600);
	struct {
		long type;
		char text[4];
	} m = {1, "abc"};

	CHECK(queue >= 0);
	CHECK(!msgsnd(queue, &m, sizeof m.text, 0));
	ready();
	EQUAL(msgrcv(queue, &m, sizeof m.text, 0, IPC_NOWAIT), sizeof m.text);
	CHECK(!msgctl(queue, IPC_RMID, NULL));
	return passed();
}
