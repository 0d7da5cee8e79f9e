/* Pipes within the process: content, capacity, flags. */
#include "stage.h"

int main(void)
{
	int full[2], empty[2];
	char *sent = malloc(300000), *got = malloc(300000);
	ssize_t n, filled;

	CHECK(!pipe2(full, O_NONBLOCK) && !pipe2(empty, O_CLOEXEC));
	CHECK(fcntl(full[1], F_SETPIPE_SZ, 262144) == 262144);
	for (int i = 0; i < 300000; i++)
		sent[i] = i % 251;
	filled = write(full[1], sent, 300000);
	EQUAL(filled, 262144);
	ready();
	EQUAL(fcntl(full[0], F_GETPIPE_SZ), 262144);
	CHECK(fcntl(full[0], F_GETFL) & O_NONBLOCK && fcntl(full[1], F_GETFL) & O_NONBLOCK);
	EQUAL(fcntl(full[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK(write(full[1], "x", 1) < 0 && errno == EAGAIN);
	n = 0;
	for (ssize_t r; (r = read(full[0], got + n, 300000 - n)) > 0;)
		n += r;
	EQUAL(n, filled);
	CHECK(!memcmp(sent, got, n));
	EQUAL(fcntl(empty[0], F_GETFD), FD_CLOEXEC);
	EQUAL(write(empty[1], "abc", 3), 3);
	EQUAL(read(empty[0], got, 100), 3);
	return passed();
}
