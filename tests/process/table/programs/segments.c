/* Segments of the program's own: in its local descriptor table, or of a thread. */
#include "stage.h"
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int through_gs(void)
{
	int value;

	__asm__ volatile("movl %%gs:4, %0" : "=r"(value));
	return value;
}

/* set_thread_area(2) is a 32-bit call. */
static int set_thread_area(struct user_desc *d)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(243L), "b"(d) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(void)
{
	int *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct user_desc *d = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned char before[16 * 8], after[16 * 8];
	int in_table = !strcmp(variant, "ldt");
	unsigned short selector;

	CHECK(data != MAP_FAILED && d != MAP_FAILED);
	data[1] = 4711;
	*d = (struct user_desc){.entry_number = in_table ? 9 : -1, .base_addr = (long)data, .limit = 4095, .seg_32bit = 1, .useable = 1};
	if (in_table) {
		if (syscall(SYS_modify_ldt, 0x11, d, sizeof *d))
			unable("this kernel has no modify_ldt");
		d->entry_number = 3;
		d->contents = 2; /* code */
		d->limit_in_pages = d->read_exec_only = 1;
		CHECK(!syscall(SYS_modify_ldt, 0x11, d, sizeof *d));
		selector = 9 << 3 | 4 | 3;
	} else {
		if (set_thread_area(d))
			unable("this kernel has no set_thread_area");
		selector = d->entry_number << 3 | 3;
	}
	__asm__ volatile("movw %0, %%gs" : : "r"(selector));
	EQUAL(through_gs(), 4711);
	memset(before, 0, sizeof before);
	syscall(SYS_modify_ldt, 0, before, sizeof before);
	ready();
	EQUAL(through_gs(), 4711);
	__asm__ volatile("movw %0, %%gs" : : "r"((unsigned short)0));
	__asm__ volatile("movw %0, %%gs" : : "r"(selector));
	EQUAL(through_gs(), 4711);
	memset(after, 0, sizeof after);
	syscall(SYS_modify_ldt, 0, after, sizeof after);
	CHECK(!memcmp(before, after, sizeof after));
	return passed();
}
