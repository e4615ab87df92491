//! How C programs allocate. Each idiom writes a function or more, with types picked at random, and says what each line makes.
//!
//! `$N` is a number of the function's own, `$A` and `$B` are two different structures, `$P` and `$Q` the types as C writes them.

#[path = "idioms/flows.rs"]
mod flows;
#[path = "idioms/places.rs"]
mod places;
#[path = "idioms/shapes.rs"]
mod shapes;
#[path = "idioms/wrappers.rs"]
mod wrappers;

use super::program::Program;
use super::random::Random;

/// Structures of a program: each has `int a`, `long b`, `void *data`, `char *name` and a pointer to the next one, `link`.
const STRUCTURES: u64 = 12;

/// What a line makes, in terms of the picked types.
#[derive(Clone, Copy)]
enum Makes {
    /// The first structure.
    A,
    /// The second one.
    B,
    /// Pointers to the first.
    Pointers,
    /// This type.
    Named(&'static str),
    /// A structure made for this function alone.
    Own(&'static str),
    /// Bytes, or what nobody can tell.
    Bytes,
}

struct Idiom {
    name: &'static str,
    makes: &'static [Makes],
    source: &'static str,
}

use Makes::{A, B, Bytes, Named, Own, Pointers};

/// In this order: what a program is made of depends on it.
const IDIOMS: [&[Idiom]; 4] = [places::PLACES, wrappers::WRAPPERS, shapes::SHAPES, flows::FLOWS];

const PRELUDE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#define NOINLINE __attribute__((noinline))
#define NEW(T) ((T *)malloc(sizeof(T)))
#define ALLOCATE(p) do { (p) = calloc(1, sizeof *(p)); if (!(p)) abort(); } while (0)
void keep(const void *);
struct owner { void *any; void *other; };
struct base { int kind; void (*end)(struct base *); };
struct list { struct list *next, *prev; };
typedef struct { int x; long y; } anonymous_t;
struct hooks { void *(*allocate)(size_t); };
extern struct hooks hooks;
static inline void list_add(struct list *list, struct list *item) {
    item->next = list->next; item->prev = list; list->next->prev = item; list->next = item;
}
NOINLINE static void list_append(struct list *list, struct list *item) {
    item->prev = list->prev; item->next = list; list->prev->next = item; list->prev = item;
}
NOINLINE static void fatal(void) { keep("fatal"); exit(3); }
NOINLINE void *xmalloc(size_t n) {
    void *p = malloc(n);
    if (!p) fatal();
    return p;
}
NOINLINE void *xcalloc(size_t n, size_t size) {
    void *p = calloc(n, size);
    if (!p) fatal();
    return p;
}
NOINLINE void *xrealloc(void *old, size_t n) {
    void *p = realloc(old, n);
    if (!p) { free(old); fatal(); }
    return p;
}
NOINLINE char *xstrdup(const char *s) {
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}
static inline void *imalloc(size_t n) {
    void *p = malloc(n);
    if (!p) fatal();
    return p;
}
NOINLINE static void *deep2(size_t n) { void *p = xmalloc(n ? n : 1); keep(p); return p; }
NOINLINE void *deep3(size_t n) { return deep2(n); }
NOINLINE static void *deep4(size_t n) { char *p = deep3(n); keep("deep"); return p; }
NOINLINE void *deep5(size_t n) { void *p = deep4(n); keep(&p); return p; }
struct header { size_t size; struct header *next; };
NOINLINE void *hmalloc(size_t n) {
    struct header *h = malloc(sizeof *h + n);
    if (!h) fatal();
    h->size = n;
    return h + 1;
}
"#;

/// A program with every idiom, `times` over, in random order, on random types.
pub(crate) fn program(seed: u64, times: usize) -> Program {
    let mut random = Random::new(seed);
    let mut program = Program::new();
    program.add("", None, PRELUDE.trim_start());
    for index in 0..STRUCTURES {
        program.add("", None, &structure(index, &mut random));
    }
    let idioms: Vec<&Idiom> = IDIOMS.into_iter().flatten().collect();
    let mut order: Vec<&Idiom> = idioms.repeat(times);
    for index in (1..order.len()).rev() {
        let other = random.below(index as u64 + 1);
        order.swap(index, usize::try_from(other).expect("an index"));
    }
    for (number, idiom) in order.into_iter().enumerate() {
        let a = random.below(STRUCTURES);
        let b = (a + 1 + random.below(STRUCTURES - 1)) % STRUCTURES;
        let truths: Vec<Option<String>> = idiom
            .makes
            .iter()
            .map(|makes| match makes {
                A => Some(format!("s{a}")),
                B => Some(format!("s{b}")),
                Pointers => Some(format!("s{a} *")),
                Named(name) => Some((*name).to_owned()),
                Own(prefix) => Some(format!("{prefix}{number}")),
                Bytes => None,
            })
            .collect();
        let truths: Vec<Option<&str>> = truths.iter().map(Option::as_deref).collect();
        let source = idiom
            .source
            .trim_start()
            .replace("$N", &number.to_string())
            .replace("$A", &format!("struct s{a}"))
            .replace("$B", &format!("struct s{b}"));
        program.add_of(idiom.name, &truths, &source);
    }
    program
}

/// A structure with the members that all have, and some of its own, in an order of its own.
fn structure(index: u64, random: &mut Random) -> String {
    let mut members = vec![
        "int a".to_owned(),
        "long b".to_owned(),
        "void *data".to_owned(),
        "char *name".to_owned(),
        format!("struct s{index} *link"),
    ];
    for more in 0..random.below(5) {
        let ty = *random.pick(&["short", "double", "char", "struct list", "unsigned long long"]);
        members.push(format!("{ty} m{more}"));
    }
    for place in (1..members.len()).rev() {
        let other = random.below(place as u64 + 1);
        members.swap(place, usize::try_from(other).expect("an index"));
    }
    format!("struct s{index} {{ {}; }};", members.join("; "))
}
