/* The vector registers: SSE, AVX and AVX-512 with its masks, as the CPU has them. */
#include "stage.h"
#include <immintrin.h>
#include <pthread.h>

volatile int stop, holding; /* not static: the assembly names them */
_Alignas(64) unsigned char zmm0[64], zmm7[64], zmm31[64];
volatile uint64_t k5;

static void *hold_sse(void *unused)
{
	asm volatile("movdqa zmm0(%%rip), %%xmm0\n movdqa zmm7(%%rip), %%xmm15\n"
		     "movl $1, holding(%%rip)\n"
		     "1: pause\n cmpl $0, stop(%%rip)\n je 1b\n"
		     "pxor %%xmm1, %%xmm1\n"
		     "movdqa %%xmm0, zmm0(%%rip)\n movdqa %%xmm15, zmm7(%%rip)\n"
		     ::: "xmm0", "xmm1", "xmm15", "memory", "cc");
	return NULL;
}

__attribute__((target("avx"))) static void *hold_avx(void *unused)
{
	asm volatile("vmovdqa zmm0(%%rip), %%ymm0\n vmovdqa zmm7(%%rip), %%ymm15\n"
		     "movl $1, holding(%%rip)\n"
		     "1: pause\n cmpl $0, stop(%%rip)\n je 1b\n"
		     "vmovdqa %%ymm0, zmm0(%%rip)\n vmovdqa %%ymm15, zmm7(%%rip)\n vzeroupper\n"
		     ::: "xmm0", "xmm15", "memory", "cc");
	return NULL;
}

__attribute__((target("avx512f,avx512bw"))) static void *hold_avx512(void *unused)
{
	asm volatile("vmovdqa64 zmm0(%%rip), %%zmm0\n vmovdqa64 zmm7(%%rip), %%zmm7\n"
		     "vmovdqa64 zmm31(%%rip), %%zmm31\n kmovq k5(%%rip), %%k5\n"
		     "movl $1, holding(%%rip)\n"
		     "1: pause\n cmpl $0, stop(%%rip)\n je 1b\n"
		     "vmovdqa64 %%zmm0, zmm0(%%rip)\n vmovdqa64 %%zmm7, zmm7(%%rip)\n"
		     "vmovdqa64 %%zmm31, zmm31(%%rip)\n kmovq %%k5, k5(%%rip)\n vzeroupper\n"
		     ::: "xmm0", "xmm7", "xmm31", "k5", "memory", "cc");
	return NULL;
}

static void fill(unsigned char *b, int seed)
{
	for (int i = 0; i < 64; i++)
		b[i] = i * 7 + seed;
}

static void check(const unsigned char *b, int seed, int n)
{
	for (int i = 0; i < n; i++)
		EQUAL(b[i], (unsigned char)(i * 7 + seed));
}

int main(void)
{
	void *(*hold)(void *) = hold_sse;
	int width = 16;
	pthread_t holder;

	if (!strcmp(variant, "avx")) {
		if (!__builtin_cpu_supports("avx"))
			unable("this CPU has no AVX");
		hold = hold_avx, width = 32;
	} else if (!strcmp(variant, "avx512")) {
		if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw"))
			unable("this CPU has no AVX-512");
		hold = hold_avx512, width = 64;
	}
	fill(zmm0, 1), fill(zmm7, 2), fill(zmm31, 3);
	k5 = 0x5a5a5a5a12345678;
	CHECK(!pthread_create(&holder, NULL, hold, NULL));
	while (!holding)
		pause_ms(1);
	fill(zmm0, 100), fill(zmm7, 100); /* only the registers have it now */
	if (width == 64)
		fill(zmm31, 100), k5 = 0;
	ready();
	stop = 1;
	CHECK(!pthread_join(holder, NULL));
	check(zmm0, 1, width), check(zmm7, 2, width), check(zmm31, 3, 64);
	EQUAL(k5, 0x5a5a5a5a12345678);
	return passed();
}
