// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeps for 1 ms again and again, until it gets SIGTERM:
 *
 *	tick
 *
 * Then it prints a line with the longest times from one tick to the next, in
 * ms, the longest first, and one with how many took less than 2 ms, from 2 to
 * 10, from 10 to 100, from 100 to 1000, and longer.
 *
 * The time is that of the TSC.  The kernel's own clocks may leave out what
 * passes between timekeeping_suspend() and timekeeping_resume(), when the pages
 * are copied.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define WORST 5

static volatile sig_atomic_t done;

static void stop(int signal)
{
	done = 1;
}

static double per_ms;

static double ms(void)
{
	return __rdtsc() / per_ms;
}

static double clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* How many cycles of the TSC a millisecond has */
static double calibrate(void)
{
	struct timespec half = { 0, 500000000 };
	double began = clock_ms(), cycles = __rdtsc();

	nanosleep(&half, NULL);
	return (__rdtsc() - cycles) / (clock_ms() - began);
}

int main(void)
{
	static const double limits[] = { 2, 10, 100, 1000, 1e99 };
	struct timespec one = { 0, 1000000 };
	double worst[WORST + 1] = { 0 }, last, now, took;
	long count[5] = { 0 };
	int i;

	per_ms = calibrate();
	signal(SIGTERM, stop);
	for (last = ms(); !done; last = now) {
		nanosleep(&one, NULL);
		now = ms();
		took = now - last;
		for (i = 0; took >= limits[i]; i++)
			;
		count[i]++;
		for (i = WORST; i > 0 && took > worst[i - 1]; i--)
			worst[i] = worst[i - 1];
		worst[i] = took;
	}
	for (i = 0; i < WORST; i++)
		printf("%.1f%c", worst[i], i < WORST - 1 ? ' ' : '\n');
	for (i = 0; i < 5; i++)
		printf("%ld%c", count[i], i < 4 ? ' ' : '\n');
	return 0;
}
