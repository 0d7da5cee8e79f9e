/* Pipes within the process: content, capacity, flags. */
#include "stage.h"

/* One that holds more than any user may have who is not root. */
static int very_large(void)
{
	int fds[2], size = 70 << 20;
	char *block = malloc(1 << 20);

	CHECK(!pipe2(fds, O_NONBLOCK));
	size = fcntl(fds[1], F_SETPIPE_SZ, size);
	if (size < 70 << 20)
		unable("a pipe of 70 MiB");
	for (int i = 0; i < 66; i++) {
		memset(block, i, 1 << 20);
		EQUAL(write(fds[1], block, 1 << 20), 1 << 20);
	}
	ready();
	EQUAL(fcntl(fds[0], F_GETPIPE_SZ), size);
	for (int i = 0; i < 66; i++) {
		EQUAL(read(fds[0], block, 1 << 20), 1 << 20);
		EQUAL(block[0], i);
		EQUAL(block[(1 << 20) - 1], i);
	}
	CHECK(read(fds[0], block, 1) < 0 && errno == EAGAIN);
	return passed();
}

int main(void)
{
	int full[2], empty[2];
	char *sent = malloc(300000), *got = malloc(300000);
	ssize_t n, filled;

	if (!strcmp(variant, "very-large"))
		return very_large();
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
