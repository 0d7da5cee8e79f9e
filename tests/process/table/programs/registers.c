/* The general registers, the flags and the segment bases. */
#include "stage.h"
#include <asm/prctl.h>
#include <pthread.h>
#include <sys/syscall.h>

volatile int stop, holding; /* not static: the assembly names them */
volatile unsigned long got[14], flags;
static long gs_word = 424242;

/* Fills every register it may, and holds them in a loop until stop is set. */
static void *hold(void *unused)
{
	CHECK(!syscall(SYS_arch_prctl, ARCH_SET_GS, &gs_word));
	asm volatile("push %%rbp\n"
		     "mov $0x0101010101010101, %%rax\n mov $0x0202020202020202, %%rcx\n"
		     "mov $0x0303030303030303, %%rdx\n mov $0x0505050505050505, %%rsi\n"
		     "mov $0x0606060606060606, %%rdi\n mov $0x0707070707070707, %%rbp\n"
		     "mov $0x0808080808080808, %%r8\n  mov $0x0909090909090909, %%r9\n"
		     "mov $0x1010101010101010, %%r10\n mov $0x1111111111111111, %%r11\n"
		     "mov $0x1212121212121212, %%r12\n mov $0x1313131313131313, %%r13\n"
		     "mov $0x1414141414141414, %%r14\n mov $0xf515151515151515, %%r15\n"
		     "std\n"
		     "movl $1, holding(%%rip)\n"
		     "1: pause\n cmpl $0, stop(%%rip)\n je 1b\n"
		     "mov %%rax, got(%%rip)\n    mov %%rcx, got+8(%%rip)\n"
		     "mov %%rdx, got+16(%%rip)\n mov %%rsi, got+24(%%rip)\n"
		     "mov %%rdi, got+32(%%rip)\n mov %%rbp, got+40(%%rip)\n"
		     "mov %%r8, got+48(%%rip)\n  mov %%r9, got+56(%%rip)\n"
		     "mov %%r10, got+64(%%rip)\n mov %%r11, got+72(%%rip)\n"
		     "mov %%r12, got+80(%%rip)\n mov %%r13, got+88(%%rip)\n"
		     "mov %%r14, got+96(%%rip)\n mov %%r15, got+104(%%rip)\n"
		     "pushfq\n popq flags(%%rip)\n cld\n pop %%rbp\n"
		     :
		     :
		     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
		       "r14", "r15", "memory", "cc");
	return NULL;
}

int main(void)
{
	static const unsigned long want[14] = {
		0x0101010101010101, 0x0202020202020202, 0x0303030303030303, 0x0505050505050505,
		0x0606060606060606, 0x0707070707070707, 0x0808080808080808, 0x0909090909090909,
		0x1010101010101010, 0x1111111111111111, 0x1212121212121212, 0x1313131313131313,
		0x1414141414141414, 0xf515151515151515};
	pthread_t holder;
	long word;

	CHECK(!syscall(SYS_arch_prctl, ARCH_SET_GS, &gs_word));
	CHECK(!pthread_create(&holder, NULL, hold, NULL));
	while (!holding)
		pause_ms(1);
	ready();
	stop = 1;
	CHECK(!pthread_join(holder, NULL));
	for (int i = 0; i < 14; i++)
		EQUAL(got[i], want[i]);
	CHECK(flags & 0x400); /* the direction flag */
	asm volatile("mov %%gs:0, %0" : "=r"(word));
	EQUAL(word, 424242);
	return passed();
}
