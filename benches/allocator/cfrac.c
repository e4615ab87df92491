/* Many short-lived small blocks, single-threaded: arithmetic on big numbers, each result a block of its own.
 *
 * After the description of `cfrac` in Zorn and Grunwald, Empirical Measurements of Six Allocation-Intensive C Programs (1992):
 * a program that factors integers by the continued fraction method (Morrison and Brillhart, 1975). Written anew: the expansion of
 * sqrt(N), and the search for residues that factor over small primes. The last step, linear algebra over the relations found,
 * allocates nothing and is left out.
 *
 * usage: cfrac STEPS
 */
#include "draw.h"
#include <string.h>

/* Little-endian digits, no leading zeros; zero has none. Never changed once made, and shared by counting references. */
struct number {
    uint32_t references;
    uint32_t length;
    uint32_t digit[];
};

static struct number *make(uint32_t length)
{
    struct number *n = there(malloc(sizeof *n + length * sizeof n->digit[0]));
    n->references = 1;
    n->length = length;
    return n;
}

static struct number *share(struct number *n)
{
    n->references++;
    return n;
}

static void drop(struct number *n)
{
    if (--n->references == 0)
        free(n);
}

static struct number *trim(struct number *n)
{
    while (n->length > 0 && n->digit[n->length - 1] == 0)
        n->length--;
    return n;
}

static struct number *small(uint32_t value)
{
    struct number *n = make(1);
    n->digit[0] = value;
    return trim(n);
}

static int compare(const struct number *a, const struct number *b)
{
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    for (uint32_t i = a->length; i-- > 0;)
        if (a->digit[i] != b->digit[i])
            return a->digit[i] < b->digit[i] ? -1 : 1;
    return 0;
}

static struct number *add(const struct number *a, const struct number *b)
{
    if (a->length < b->length) {
        const struct number *swap = a;
        a = b;
        b = swap;
    }
    struct number *sum = make(a->length + 1);
    uint64_t carry = 0;
    for (uint32_t i = 0; i < a->length; i++) {
        carry += (uint64_t)a->digit[i] + (i < b->length ? b->digit[i] : 0);
        sum->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum->digit[a->length] = (uint32_t)carry;
    return trim(sum);
}

/* a must not be less than b. */
static struct number *subtract(const struct number *a, const struct number *b)
{
    struct number *difference = make(a->length);
    int64_t borrow = 0;
    for (uint32_t i = 0; i < a->length; i++) {
        borrow += (int64_t)a->digit[i] - (i < b->length ? b->digit[i] : 0);
        difference->digit[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    return trim(difference);
}

static struct number *multiply(const struct number *a, const struct number *b)
{
    struct number *product = make(a->length + b->length);
    memset(product->digit, 0, product->length * sizeof product->digit[0]);
    for (uint32_t i = 0; i < a->length; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < b->length; j++) {
            carry += (uint64_t)a->digit[i] * b->digit[j] + product->digit[i + j];
            product->digit[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        product->digit[i + b->length] = (uint32_t)carry;
    }
    return trim(product);
}

static struct number *divide_by_digit(const struct number *a, uint32_t by, struct number **remainder)
{
    struct number *quotient = make(a->length);
    uint64_t rest = 0;
    for (uint32_t i = a->length; i-- > 0;) {
        rest = rest << 32 | a->digit[i];
        quotient->digit[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    *remainder = small((uint32_t)rest);
    return trim(quotient);
}

/* A copy shifted left, with one digit more than it may need. */
static struct number *shifted(const struct number *a, unsigned bits)
{
    struct number *copy = make(a->length + 1);
    uint64_t carry = 0;
    for (uint32_t i = 0; i < a->length; i++) {
        carry |= (uint64_t)a->digit[i] << bits;
        copy->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    copy->digit[a->length] = (uint32_t)carry;
    return copy;
}

/* Long division, Knuth's algorithm D (The Art of Computer Programming 4.3.1). */
static struct number *divide(const struct number *a, const struct number *by, struct number **remainder)
{
    if (compare(a, by) < 0) {
        struct number *copy = make(a->length);
        memcpy(copy->digit, a->digit, a->length * sizeof a->digit[0]);
        *remainder = copy;
        return small(0);
    }
    if (by->length == 1)
        return divide_by_digit(a, by->digit[0], remainder);

    unsigned bits = (unsigned)__builtin_clz(by->digit[by->length - 1]);
    struct number *rest = shifted(a, bits);
    struct number *divisor = trim(shifted(by, bits));
    uint32_t n = divisor->length;
    struct number *quotient = make(rest->length - n);
    for (uint32_t at = quotient->length; at-- > 0;) {
        uint64_t top = (uint64_t)rest->digit[at + n] << 32 | rest->digit[at + n - 1];
        uint64_t guess = top / divisor->digit[n - 1], over = top % divisor->digit[n - 1];
        while (guess >> 32 != 0 || guess * divisor->digit[n - 2] > (over << 32 | rest->digit[at + n - 2])) {
            guess--;
            over += divisor->digit[n - 1];
            if (over >> 32 != 0)
                break;
        }
        int64_t borrow = 0;
        uint64_t carry = 0;
        for (uint32_t i = 0; i < n; i++) {
            carry += guess * divisor->digit[i];
            borrow += (int64_t)rest->digit[at + i] - (uint32_t)carry;
            rest->digit[at + i] = (uint32_t)borrow;
            borrow >>= 32;
            carry >>= 32;
        }
        borrow += (int64_t)rest->digit[at + n] - (int64_t)carry;
        rest->digit[at + n] = (uint32_t)borrow;
        if (borrow < 0) {
            guess--;
            carry = 0;
            for (uint32_t i = 0; i < n; i++) {
                carry += (uint64_t)rest->digit[at + i] + divisor->digit[i];
                rest->digit[at + i] = (uint32_t)carry;
                carry >>= 32;
            }
            rest->digit[at + n] += (uint32_t)carry;
        }
        quotient->digit[at] = (uint32_t)guess;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t pair = rest->digit[i] | (uint64_t)rest->digit[i + 1] << 32;
        rest->digit[i] = (uint32_t)(pair >> bits);
    }
    rest->length = n;
    drop(divisor);
    *remainder = trim(rest);
    return trim(quotient);
}

static struct number *modulo(const struct number *a, const struct number *by)
{
    struct number *remainder;
    drop(divide(a, by, &remainder));
    return remainder;
}

/* floor(sqrt(n)), by Newton's method from above. */
static struct number *square_root(const struct number *n)
{
    struct number *guess = make(n->length / 2 + 1);
    memset(guess->digit, 0, guess->length * sizeof guess->digit[0]);
    guess->digit[guess->length - 1] = UINT32_MAX;
    for (;;) {
        struct number *remainder, *half;
        struct number *quotient = divide(n, guess, &remainder);
        struct number *sum = add(guess, quotient);
        struct number *next = divide_by_digit(sum, 2, &half);
        drop(remainder);
        drop(quotient);
        drop(sum);
        drop(half);
        if (compare(next, guess) >= 0) {
            drop(next);
            return guess;
        }
        drop(guess);
        guess = next;
    }
}

static struct number *from_decimal(const char *digits)
{
    struct number *n = small(0), *ten = small(10);
    for (; *digits != '\0'; digits++) {
        struct number *scaled = multiply(n, ten), *digit = small((uint32_t)(*digits - '0'));
        drop(n);
        n = add(scaled, digit);
        drop(scaled);
        drop(digit);
    }
    drop(ten);
    return n;
}

/* A residue that factors over the base: what the method collects, and keeps to its end. */
struct relation {
    struct relation *next;
    struct number *numerator;
    uint8_t exponent[];
};

enum { PRIMES = 120 };

static uint32_t primes[PRIMES];

static void sieve(void)
{
    unsigned found = 0;
    for (uint32_t candidate = 2; found < PRIMES; candidate++) {
        unsigned i = 0;
        while (i < found && candidate % primes[i] != 0)
            i++;
        if (i == found)
            primes[found++] = candidate;
    }
}

/* Divides by each prime as long as it goes. */
static struct relation *factored(struct number *residue, struct number *numerator)
{
    uint8_t exponent[PRIMES] = {0};
    struct number *left = share(residue);
    for (unsigned i = 0; i < PRIMES; i++) {
        for (;;) {
            struct number *remainder;
            struct number *quotient = divide_by_digit(left, primes[i], &remainder);
            int divides = remainder->length == 0;
            drop(remainder);
            if (!divides) {
                drop(quotient);
                break;
            }
            exponent[i]++;
            drop(left);
            left = quotient;
        }
    }
    struct relation *relation = NULL;
    if (left->length == 1 && left->digit[0] == 1) {
        relation = there(malloc(sizeof *relation + sizeof exponent));
        relation->numerator = share(numerator);
        memcpy(relation->exponent, exponent, sizeof exponent);
    }
    drop(left);
    return relation;
}

int main(int argc, char **argv)
{
    unsigned long steps = argument(argc, argv, 1, "STEPS");
    sieve();
    /* A product of two primes of fifteen digits and more: its expansion has no period that is met here. */
    struct number *n = from_decimal("853973422267569663238536474907");
    struct number *root = square_root(n);

    struct number *p = small(0), *q = small(1), *a = share(root);
    struct number *before = small(1), *numerator = modulo(root, n);
    struct relation *relations = NULL;
    unsigned long found = 0;
    for (unsigned long step = 0; step < steps; step++) {
        /* P' = aQ - P; Q' = (N - P'^2) / Q; a' = (root + P') / Q'; A'' = a'A' + A mod N. */
        struct number *aq = multiply(a, q), *next_p = subtract(aq, p);
        struct number *square = multiply(next_p, next_p), *gap = subtract(n, square);
        struct number *remainder, *next_q = divide(gap, q, &remainder);
        drop(remainder);
        struct number *sum = add(root, next_p), *next_a = divide(sum, next_q, &remainder);
        drop(remainder);

        struct relation *relation = factored(next_q, numerator);
        if (relation != NULL) {
            relation->next = relations;
            relations = relation;
            found++;
        }
        struct number *product = multiply(next_a, numerator), *larger = add(product, before);
        drop(before);
        before = numerator;
        numerator = modulo(larger, n);

        drop(aq), drop(square), drop(gap), drop(sum), drop(product), drop(larger);
        drop(p), drop(q), drop(a);
        p = next_p, q = next_q, a = next_a;
    }

    uint32_t checksum = 0;
    while (relations != NULL) {
        struct relation *relation = relations;
        relations = relation->next;
        checksum = checksum * 31 + (relation->numerator->length > 0 ? relation->numerator->digit[0] : 0);
        drop(relation->numerator);
        free(relation);
    }
    printf("%lu steps, %lu relations, checksum %08x\n", steps, found, checksum);
    drop(n), drop(root), drop(p), drop(q), drop(a), drop(before), drop(numerator);
    return 0;
}
