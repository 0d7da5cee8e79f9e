/*
 * Has memory that it knows all of, so many MiB of it, and a child that has as much of
 * its own. When the file "go" is there both look at theirs, and so do children that
 * they have then. It ends with status 7 when the file "end" is there.
 */
#include "../../table/programs/family.h"
#include <sys/mman.h>
#include <sys/wait.h>

static uint64_t *memory;
static size_t words;

/* word is some of each page; a few pages are zeros. */
static uint64_t word(size_t i)
{
	uint64_t x = i / 512 % 7 == 0 ? 0 : i % 512 < 64 ? i : i / 512;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	return x ^ x >> 29;
}

static const char *look(void)
{
	for (size_t i = 0; i < words; i++)
		if (memory[i] != word(i))
			return "wrong";
	return "whole";
}

static void look_twice(const char *own, const char *childs)
{
	int status;
	pid_t child = born();

	if (!child) {
		write_file(childs, look());
		_exit(0);
	}
	write_file(own, look());
	CHECK(waitpid(child, &status, 0) == child);
}

int main(void)
{
	int fds[2];
	pid_t child = born();

	/* The image has an odd number of bytes behind the memory then. */
	CHECK(!pipe(fds));
	CHECK(write(fds[1], "odd", 3) == 3);
	words = (strtoul(variant, NULL, 10) << 20) / 8;
	memory = mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	for (size_t i = 0; i < words; i++)
		memory[i] = word(i);
	if (!child) {
		write_file("child-ready", "");
		await_go();
		look_twice("second", "second's child");
		pause();
	}
	while (access(path("child-ready"), F_OK))
		pause_ms(1);
	ready();
	look_twice("first", "first's child");
	while (access(path("end"), F_OK))
		pause_ms(1);
	return 7;
}
