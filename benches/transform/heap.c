/* A heap to transform, in two releases: -DRELEASE=1 and -DRELEASE=2.
 *
 * Parked after start-up it says "ready". For each number that it is sent it makes so many blocks and says "filled":
 *
 *   4 of 10  node   32 bytes, nothing but pointers, the same in both releases
 *   2 of 10  item   48 bytes, 56 in the second release: members in another order, one wider, one renamed; one points to a function
 *   4 of 10  blob  200 bytes, no pointers, the same in both releases
 *
 * Each node has a blob, two nodes share an item, and neighbours in a chain lie far apart, as after hours of use.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node;

struct blob {
	long counters[25];
};

#if RELEASE == 1
struct item {
	int id;
	int uses;
	struct node *owner;
	void (*act)(struct item *);
	char name[24];
};
#else
struct item {
	void (*act)(struct item *);
	struct node *owner;
	long uses;
	char name[24];
	int number;
};
#endif

struct node {
	struct node *next;
	struct node *peer;
	struct item *item;
	struct blob *blob;
};

struct settings {
	long limit;
	char name[16];
};

struct settings *settings;
struct node **buckets;
size_t width;
long acted;

static uint64_t state = 88172645463325252u;

static uint64_t chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void greet(struct item *item)
{
	acted += item->uses;
}

static void part(struct item *item)
{
	acted -= item->uses;
}

static struct item *make_item(struct node *owner, size_t number)
{
	struct item *made = malloc(sizeof *made);

	memset(made, 0, sizeof *made);
	made->owner = owner;
	made->act = number % 2 ? greet : part;
	made->uses = (int)(number % 1000);
	memcpy(made->name, "an item", 8);
	return made;
}

static struct node *make_node(size_t number, struct item *item)
{
	struct node **bucket = &buckets[chance() % width];
	struct node *made = malloc(sizeof *made);

	made->blob = malloc(sizeof *made->blob);
	for (size_t n = 0; n < sizeof made->blob->counters / sizeof *made->blob->counters; n++)
		made->blob->counters[n] = (long)(number ^ n);
	made->item = item ? item : make_item(made, number);
	made->next = *bucket;
	made->peer = buckets[chance() % width];
	*bucket = made;
	return made;
}

static void fill(size_t blocks)
{
	width = blocks / 8 + 1;
	buckets = calloc(width, sizeof *buckets);
	for (size_t n = 0; n + 5 <= blocks; n += 5) {
		struct node *first = make_node(n, NULL);
		make_node(n + 1, first->item);
	}
}

int main(void)
{
	char line[32];
	ssize_t length;

	settings = malloc(sizeof *settings);
	*settings = (struct settings){ .limit = 1000, .name = "heap" };
	if (write(1, "ready\n", 6) != 6)
		return 1;
	while ((length = read(0, line, sizeof line - 1)) > 0) {
		line[length] = 0;
		fill(strtoull(line, NULL, 10));
		for (size_t n = 0; n < width; n++)
			if (buckets[n])
				buckets[n]->item->act(buckets[n]->item);
		if (write(1, "filled\n", 7) != 7)
			return 1;
	}
	return 0;
}
