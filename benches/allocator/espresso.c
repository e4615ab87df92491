/* Many short-lived blocks of a few sizes, in trees of recursion, single-threaded: minimising boolean functions of two levels.
 *
 * After the description of `espresso` in Zorn and Grunwald, Empirical Measurements of Six Allocation-Intensive C Programs (1992),
 * and of its method in Brayton, Hachtel, McMullen and Sangiovanni-Vincentelli, Logic Minimization Algorithms for VLSI Synthesis
 * (1984). Written anew: random functions are complemented, their cubes expanded against the complement, and those left out that
 * the others cover.
 *
 * usage: espresso FUNCTIONS
 */
#include "draw.h"
#include <stdbool.h>
#include <string.h>

/* Two bits for each variable, 32 variables to a word: 01 the variable is false, 10 it is true, 11 it may be either. */
struct cube {
    uint64_t word[1];
};

struct cover {
    struct cube **cube;
    unsigned count;
    unsigned room;
};

enum { MOST_VARIABLES = 240, MOST_WORDS = (MOST_VARIABLES + 31) / 32 };

static unsigned variables, words;
/* The cube that leaves every variable open. */
static uint64_t open[MOST_WORDS];

static unsigned literal(const struct cube *cube, unsigned variable)
{
    return cube->word[variable / 32] >> (variable % 32 * 2) & 3;
}

static void set_literal(struct cube *cube, unsigned variable, unsigned value)
{
    uint64_t *word = &cube->word[variable / 32];
    *word = (*word & ~(UINT64_C(3) << (variable % 32 * 2))) | (uint64_t)value << (variable % 32 * 2);
}

static struct cube *copy(const struct cube *cube)
{
    struct cube *new = there(malloc(words * sizeof cube->word[0]));
    memcpy(new, cube, words * sizeof cube->word[0]);
    return new;
}

static bool is_universe(const struct cube *cube)
{
    for (unsigned i = 0; i < words; i++)
        if (cube->word[i] != open[i])
            return false;
    return true;
}

static bool covers(const struct cube *outer, const struct cube *inner)
{
    for (unsigned i = 0; i < words; i++)
        if ((inner->word[i] & ~outer->word[i]) != 0)
            return false;
    return true;
}

static bool meet(const struct cube *a, const struct cube *b)
{
    /* They do unless one says true where the other says false: a pair of bits that have nothing in common. */
    for (unsigned i = 0; i < words; i++) {
        uint64_t both = a->word[i] & b->word[i], used = a->word[i] | b->word[i];
        uint64_t either = (both | both >> 1) & UINT64_C(0x5555555555555555);
        if (either != ((used | used >> 1) & UINT64_C(0x5555555555555555)))
            return false;
    }
    return true;
}

static void put(struct cover *cover, struct cube *cube)
{
    if (cover->count == cover->room) {
        cover->room = cover->room == 0 ? 4 : cover->room * 2;
        cover->cube = there(realloc(cover->cube, cover->room * sizeof cover->cube[0]));
    }
    cover->cube[cover->count++] = cube;
}

static void empty(struct cover *cover)
{
    for (unsigned i = 0; i < cover->count; i++)
        free(cover->cube[i]);
    free(cover->cube);
    *cover = (struct cover){0};
}

/* What is left of the cover where the variable has this value (01 or 10). */
static struct cover cofactor(const struct cover *cover, unsigned variable, unsigned value)
{
    struct cover rest = {0};
    for (unsigned i = 0; i < cover->count; i++) {
        if ((literal(cover->cube[i], variable) & value) != 0) {
            struct cube *cube = copy(cover->cube[i]);
            set_literal(cube, variable, 3);
            put(&rest, cube);
        }
    }
    return rest;
}

/* The variable that most cubes depend on, and both ways if possible. */
static unsigned splitting_variable(const struct cover *cover)
{
    unsigned count[MOST_VARIABLES][4] = {0};
    for (unsigned i = 0; i < cover->count; i++) {
        for (unsigned word = 0; word < words; word++) {
            uint64_t used = open[word] & ~cover->cube[i]->word[word];
            for (; used != 0; used &= used - 1) {
                unsigned variable = word * 32 + (unsigned)__builtin_ctzll(used) / 2;
                count[variable][literal(cover->cube[i], variable)]++;
            }
        }
    }
    unsigned best = 0, best_weight = 0;
    for (unsigned variable = 0; variable < variables; variable++) {
        unsigned no = count[variable][1], yes = count[variable][2];
        unsigned weight = (no < yes ? no : yes) * 1024 + no + yes;
        if (weight > best_weight) {
            best = variable;
            best_weight = weight;
        }
    }
    return best;
}

static bool has_universe(const struct cover *cover)
{
    for (unsigned i = 0; i < cover->count; i++)
        if (is_universe(cover->cube[i]))
            return true;
    return false;
}

static bool is_tautology(const struct cover *cover)
{
    if (cover->count == 0)
        return false;
    if (has_universe(cover))
        return true;
    unsigned variable = splitting_variable(cover);
    for (unsigned value = 1; value <= 2; value++) {
        struct cover half = cofactor(cover, variable, value);
        bool whole = is_tautology(&half);
        empty(&half);
        if (!whole)
            return false;
    }
    return true;
}

static int by_content(const void *one, const void *other)
{
    const struct cube *a = *(struct cube *const *)one, *b = *(struct cube *const *)other;
    for (unsigned i = 0; i < words; i++)
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

/* Shannon's expansion: x' times the complement of one half, x times that of the other; cubes in both halves need no x. */
static struct cover complement(const struct cover *cover)
{
    struct cover result = {0};
    if (cover->count == 0) {
        put(&result, copy((const struct cube *)open));
        return result;
    }
    if (has_universe(cover))
        return result;
    unsigned variable = splitting_variable(cover);
    struct cover half[2];
    for (unsigned value = 1; value <= 2; value++) {
        struct cover rest = cofactor(cover, variable, value);
        half[value - 1] = complement(&rest);
        empty(&rest);
    }
    qsort(half[0].cube, half[0].count, sizeof half[0].cube[0], by_content);
    qsort(half[1].cube, half[1].count, sizeof half[1].cube[0], by_content);
    for (unsigned i = 0, j = 0; i < half[0].count || j < half[1].count;) {
        int order = i == half[0].count ? 1
                    : j == half[1].count
                        ? -1
                        : by_content(&half[0].cube[i], &half[1].cube[j]);
        struct cube *cube = copy(order <= 0 ? half[0].cube[i] : half[1].cube[j]);
        if (order != 0)
            set_literal(cube, variable, order < 0 ? 1 : 2);
        put(&result, cube);
        i += order <= 0;
        j += order >= 0;
    }
    empty(&half[0]);
    empty(&half[1]);
    return result;
}

/* Drops literals as long as the cube meets nothing of the complement. */
static void expand(struct cover *cover, const struct cover *off)
{
    for (unsigned i = 0; i < cover->count; i++) {
        for (unsigned variable = 0; variable < variables; variable++) {
            unsigned was = literal(cover->cube[i], variable);
            if (was == 3)
                continue;
            set_literal(cover->cube[i], variable, 3);
            for (unsigned j = 0; j < off->count; j++) {
                if (meet(cover->cube[i], off->cube[j])) {
                    set_literal(cover->cube[i], variable, was);
                    break;
                }
            }
        }
    }
}

static void remove_at(struct cover *cover, unsigned at)
{
    free(cover->cube[at]);
    cover->cube[at] = cover->cube[--cover->count];
}

/* Leaves out each cube that one other covers, then each that the others cover together. */
static void irredundant(struct cover *cover)
{
    for (unsigned i = 0; i < cover->count;) {
        unsigned by = 0;
        while (by < cover->count && (by == i || !covers(cover->cube[by], cover->cube[i])))
            by++;
        if (by < cover->count)
            remove_at(cover, i);
        else
            i++;
    }
    for (unsigned i = 0; i < cover->count;) {
        /* The others, within this cube: a tautology there if they cover it. */
        struct cover within = {0};
        for (unsigned j = 0; j < cover->count; j++) {
            if (j != i && meet(cover->cube[i], cover->cube[j])) {
                struct cube *cube = copy(cover->cube[j]);
                for (unsigned variable = 0; variable < variables; variable++)
                    if (literal(cover->cube[i], variable) != 3)
                        set_literal(cube, variable, 3);
                put(&within, cube);
            }
        }
        bool redundant = is_tautology(&within);
        empty(&within);
        if (redundant)
            remove_at(cover, i);
        else
            i++;
    }
}

/* Cubes that each depend on a variable with this chance. */
static struct cover random_function(struct draw *random, unsigned cubes, unsigned percent)
{
    struct cover cover = {0};
    for (unsigned i = 0; i < cubes; i++) {
        struct cube *cube = copy((const struct cube *)open);
        for (unsigned variable = 0; variable < variables; variable++)
            if (draw_below(random, 100) < percent)
                set_literal(cube, variable, draw_between(random, 1, 2));
        put(&cover, cube);
    }
    return cover;
}

int main(int argc, char **argv)
{
    unsigned long functions = argument(argc, argv, 1, "FUNCTIONS");
    struct draw random = draw_from(7);
    unsigned long before = 0, after = 0, off = 0;
    for (unsigned long function = 0; function < functions; function++) {
        /* Dense functions of few variables, and sparse ones of many, whose cubes are larger blocks. */
        bool dense = function % 2 == 0;
        variables = dense ? draw_between(&random, 9, 12) : draw_between(&random, 40, MOST_VARIABLES);
        words = (variables + 31) / 32;
        memset(open, 0, sizeof open);
        for (unsigned variable = 0; variable < variables; variable++)
            set_literal((struct cube *)open, variable, 3);
        struct cover on = dense ? random_function(&random, draw_between(&random, 30, 60), 45)
                                : random_function(&random, 5, 600 / variables);
        struct cover complemented = complement(&on);
        before += on.count;
        off += complemented.count;
        expand(&on, &complemented);
        irredundant(&on);
        after += on.count;
        empty(&complemented);
        empty(&on);
    }
    printf("%lu functions: %lu cubes, %lu in their complements, %lu minimised\n", functions, before, off, after);
    return 0;
}
