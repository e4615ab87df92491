/* A heap to trace: a table of chains of small records, whose neighbours in a chain lie far apart, as after hours of use.
 *
 *   heap COUNT [leak]
 *
 * Prints "ready", or, built for a leak checker, how long a check takes in milliseconds; then waits for the end of its input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct owner {
	struct owner *next;
	long id;
	char name[16];
};

struct record {
	struct record *next;
	struct owner *owner;
	uint32_t key;
	uint32_t flags;
	long counters[9];
};

struct record **buckets;
struct owner *owners;

static uint64_t state = 88172645463325252u;

static uint64_t chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

#ifdef LEAK_CHECK
int __lsan_do_recoverable_leak_check(void);
#endif

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	size_t width = count / 4 + 1;
	size_t owner_count = 1000;
	struct owner **by_number = calloc(owner_count, sizeof *by_number);

	buckets = calloc(width, sizeof *buckets);
	for (size_t n = 0; n < owner_count; n++) {
		struct owner *made = malloc(sizeof *made);
		*made = (struct owner){ .next = owners, .id = (long)n };
		owners = by_number[n] = made;
	}
	for (size_t n = 0; n < count; n++) {
		struct record *made = malloc(sizeof *made);
		struct record **bucket = &buckets[chance() % width];
		*made = (struct record){ .next = *bucket, .owner = by_number[n % owner_count], .key = (uint32_t)n };
		*bucket = made;
	}
	free(by_number);
#ifdef LEAK_CHECK
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	__lsan_do_recoverable_leak_check();
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.3f\n", (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6);
#else
	puts("ready");
#endif
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
