//! How C programs allocate. Each idiom writes a function or more, with types picked at random, and says what each line makes.
//!
//! `$N` is a number of the function's own, `$A` and `$B` are two different structures, `$P` and `$Q` the types as C writes them.

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

const IDIOMS: &[Idiom] = &[
    Idiom {
        name: "variable",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = malloc(sizeof *p); @
    if (p) { p->a = n; keep(p); }
}",
    },
    Idiom {
        name: "cast",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = ($A *)malloc(sizeof($A)); @
    if (!p) return;
    p->b = n; keep(p);
}",
    },
    Idiom {
        name: "array",
        makes: &[A],
        source: "
void f$N(size_t n) {
    $A *p = malloc(n * sizeof *p); @
    if (!p) return;
    for (size_t i = 0; i < n; i++) p[i].a = (int)i;
    keep(p);
}",
    },
    Idiom {
        name: "constant array",
        makes: &[A],
        source: "
void f$N(void) {
    $A *p = malloc(10 * sizeof($A)); @
    if (!p) abort();
    for (int i = 0; i < 10; i++) { p[i].a = i; p[i].link = p; }
    keep(p);
}",
    },
    Idiom {
        name: "calloc",
        makes: &[A, B],
        source: "
void f$N(size_t n) {
    $A *p = calloc(1, sizeof *p); @
    $B *q = calloc(n, sizeof($B)); @
    if (p) p->data = q;
    keep(p); keep(q);
}",
    },
    Idiom {
        name: "calloc, swapped",
        makes: &[A],
        source: "
void f$N(size_t n) {
    $A *p = calloc(sizeof *p, n); @
    keep(p);
}",
    },
    Idiom {
        name: "realloc",
        makes: &[A],
        source: "
$A *v$N; size_t n$N;
int f$N(size_t more) {
    $A *p = realloc(v$N, (n$N + more) * sizeof *p); @
    if (!p) return -1;
    v$N = p; n$N += more;
    return 0;
}",
    },
    Idiom {
        name: "reallocarray",
        makes: &[A],
        source: "
$A *f$N($A *v, size_t n) {
    v = reallocarray(v, n, sizeof *v); @
    if (v) v[n - 1].a = 3;
    return v;
}",
    },
    Idiom {
        name: "aligned",
        makes: &[A],
        source: "
$A *f$N(void) {
    $A *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64); @
    if (p) p->a = 1;
    return p;
}",
    },
    Idiom {
        name: "posix_memalign",
        makes: &[A],
        source: "
void f$N(void) {
    $A *p;
    if (posix_memalign((void **)&p, 64, sizeof *p)) @
        return;
    p->a = 7; keep(p);
}",
    },
    Idiom {
        name: "member",
        makes: &[B],
        source: "
struct o$N { int x; $B *to; };
void f$N(struct o$N *o) {
    o->to = malloc(sizeof *o->to); @
}",
    },
    Idiom {
        name: "member",
        makes: &[B],
        source: "
struct o$N { int x; struct { long y; $B *to; } in; };
int f$N(struct o$N *o, int n) {
    o->in.to = malloc(sizeof($B)); @
    if (o->in.to == NULL) return -1;
    o->in.to->a = n;
    return 0;
}",
    },
    Idiom {
        name: "member of a member",
        makes: &[B],
        source: "
struct o$N { struct o$N *next; $B *to; };
void f$N(struct o$N *o) {
    o->next->next->to = malloc(sizeof *o->to); @
    keep(o);
}",
    },
    Idiom {
        name: "global",
        makes: &[A],
        source: "
$A *g$N;
void f$N(void) {
    g$N = malloc(sizeof *g$N); @
}",
    },
    Idiom {
        name: "global",
        makes: &[A],
        source: "
static struct { int x; $A *to; } s$N;
int f$N(void) {
    if (!s$N.to && !(s$N.to = malloc(sizeof *s$N.to))) @
        return -1;
    s$N.to->a++;
    keep(&s$N);
    return 0;
}",
    },
    Idiom {
        name: "element of a global",
        makes: &[A],
        source: "
$A *g$N[16];
void f$N(size_t i) {
    g$N[i] = malloc(sizeof($A)); @
}",
    },
    Idiom {
        name: "out parameter",
        makes: &[A],
        source: "
int f$N($A **out) {
    *out = malloc(sizeof **out); @
    return *out ? 0 : -1;
}",
    },
    Idiom {
        name: "out parameter",
        makes: &[A],
        source: "
int f$N($A **out, int n) {
    $A *p;
    *out = NULL;
    p = calloc(1, sizeof($A)); @
    if (p == NULL) return -1;
    p->a = n;
    *out = p;
    return 0;
}",
    },
    Idiom {
        name: "out-parameter wrapper",
        makes: &[A],
        source: "
NOINLINE int w$N(size_t n, void **out) {
    void *p = malloc(n);
    if (!p) return -1;
    *out = p;
    return 0;
}
void f$N(int n) {
    $A *p;
    if (w$N(sizeof *p, (void **)&p)) @
        return;
    p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "wrapper",
        makes: &[A, B],
        source: "
void f$N(int n) {
    $A *p = xmalloc(sizeof *p); @
    p->a = n;
    $B *q = xcalloc(3, sizeof *q); @
    p->data = q;
    keep(p);
}",
    },
    Idiom {
        name: "wrapper, inlined",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = imalloc(sizeof *p); @
    p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "wrapper, 3 deep",
        makes: &[A],
        source: "
struct o$N { $A *to; };
void f$N(struct o$N *o) {
    o->to = deep3(sizeof *o->to); @
    o->to->a = 1;
}",
    },
    Idiom {
        name: "wrapper, 5 deep",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = deep5(sizeof($A)); @
    p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "wrapper of realloc",
        makes: &[A],
        source: "
void f$N($A **v, size_t n) {
    *v = xrealloc(*v, n * sizeof **v); @
}",
    },
    Idiom {
        name: "constructor",
        makes: &[A],
        source: "
NOINLINE $A *new$N(int n) {
    $A *p = xmalloc(sizeof *p); @
    p->a = n;
    p->link = NULL;
    return p;
}
void f$N(int n) { $A *p = new$N(n); keep(p); keep(new$N(2)); }",
    },
    Idiom {
        name: "constructor, bare",
        makes: &[A],
        source: "
NOINLINE $A *new$N(void) {
    return malloc(sizeof($A)); @
}
$A *f$N(int n) {
    $A *p = new$N(); @
    if (p) p->a = n;
    return p;
}",
    },
    Idiom {
        name: "constructor, inlined",
        makes: &[A],
        source: "
static inline $A *new$N(int n) {
    $A *p = malloc(sizeof *p); @
    if (!p) return NULL;
    p->a = n;
    return p;
}
void f$N(struct owner *o, int n) { o->any = new$N(n); if (o->any) keep(o); }",
    },
    Idiom {
        name: "constructor of void",
        makes: &[A],
        source: "
void *f$N(int n) {
    $A *p = calloc(1, sizeof($A)); @
    if (p == NULL) return NULL;
    p->a = n; p->b = -1;
    return p;
}",
    },
    Idiom {
        name: "macro",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = NEW($A); @
    if (p) p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "macro",
        makes: &[A],
        source: "
int f$N(int n) {
    $A *p;
    ALLOCATE(p); @
    p->a = n;
    keep(p);
    return p->a;
}",
    },
    Idiom {
        name: "ternary",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = n > 3 ? malloc(sizeof *p) : NULL; @
    if (p) p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "ternary",
        makes: &[A, A],
        source: "
$A *f$N(int n) {
    $A *p = n > 3
        ? malloc(sizeof *p) @
        : calloc(1, sizeof($A)); @
    if (p) p->a = n;
    return p;
}",
    },
    Idiom {
        name: "union",
        makes: &[Own("u")],
        source: "
union u$N { $A *x; $B *y; long z[4]; };
void f$N(int n) {
    union u$N *u = malloc(sizeof *u); @
    if (u) u->z[3] = n;
    keep(u);
}",
    },
    Idiom {
        name: "member of a union",
        makes: &[A, B],
        source: "
struct o$N { int kind; union { $A *x; $B *y; } u; };
void f$N(struct o$N *o, int n) {
    if (n) {
        o->u.x = malloc(sizeof($A)); @
    } else {
        o->u.y = malloc(sizeof($B)); @
    }
    o->kind = n;
}",
    },
    Idiom {
        name: "flexible array",
        makes: &[Own("o")],
        source: "
struct o$N { size_t n; $A *items[]; };
struct o$N *f$N(size_t n) {
    struct o$N *o = malloc(sizeof *o + n * sizeof o->items[0]); @
    if (o) o->n = n;
    return o;
}",
    },
    Idiom {
        name: "flexible array",
        makes: &[Own("o")],
        source: "
struct o$N { size_t n; char text[]; };
void f$N(void) {
    struct o$N *o = malloc(sizeof *o + 100); @
    if (!o) return;
    o->n = 100; o->text[0] = 0;
    keep(o);
}",
    },
    Idiom {
        name: "list",
        makes: &[Own("o")],
        source: "
struct o$N { struct o$N *next; int x; } *head$N;
int f$N(int x) {
    struct o$N *o = malloc(sizeof *o); @
    if (!o) return -1;
    o->x = x;
    o->next = head$N;
    head$N = o;
    return 0;
}",
    },
    Idiom {
        name: "list, link first",
        makes: &[Own("o")],
        source: "
struct o$N { struct list link; int x; long y[3]; };
void f$N(struct list *list, int x) {
    struct o$N *o = malloc(sizeof *o); @
    if (!o) return;
    o->x = x;
    list_add(list, &o->link);
}",
    },
    Idiom {
        name: "list, link first",
        makes: &[Own("o")],
        source: "
struct o$N { struct list link; int x; long y[3]; };
int f$N(struct list *list, int x) {
    struct o$N *o = xmalloc(sizeof *o); @
    list_append(list, &o->link);
    o->x = x;
    return 1;
}",
    },
    Idiom {
        name: "list, link inside",
        makes: &[Own("o")],
        source: "
struct o$N { int x; struct list link; };
void f$N(struct list *list, int x) {
    struct o$N *o = calloc(1, sizeof *o); @
    if (!o) return;
    o->x = x;
    list_add(list, &o->link);
}",
    },
    Idiom {
        name: "base of a derived one",
        makes: &[Own("o")],
        source: "
struct o$N { struct base base; long more[5]; };
struct base *f$N(int kind) {
    struct o$N *o = malloc(sizeof *o); @
    if (!o) return NULL;
    o->base.kind = kind;
    o->more[4] = 1;
    return &o->base;
}",
    },
    Idiom {
        name: "base only",
        makes: &[Own("o")],
        source: "
struct o$N { struct base base; long more[6]; };
struct base *f$N(int kind) {
    struct base *b = malloc(sizeof(struct o$N)); @
    if (b) b->kind = kind;
    return b;
}",
    },
    Idiom {
        name: "string",
        makes: &[Bytes, Bytes],
        source: "
void f$N($A *o, const char *s, size_t n) {
    o->name = strdup(s); @
    o->data = xstrdup(s); @
    keep(o);
}",
    },
    Idiom {
        name: "characters",
        makes: &[Bytes, Bytes],
        source: "
char *f$N(size_t n) {
    char *s = malloc(n + 1); @
    unsigned char *t = malloc(2 * n); @
    if (!s || !t) abort();
    s[n] = 0; t[0] = 1;
    keep(t);
    return s;
}",
    },
    Idiom {
        name: "anything",
        makes: &[Bytes, Bytes],
        source: "
struct o$N { void *x; };
void f$N(struct o$N *o, size_t n) {
    o->x = malloc(n); @
    keep(malloc(n + 1)); @
}",
    },
    Idiom {
        name: "array of pointers",
        makes: &[Pointers, A],
        source: "
$A **f$N(size_t n) {
    $A **v = malloc(n * sizeof *v); @
    if (!v) return NULL;
    for (size_t i = 0; i < n; i++)
        v[i] = malloc(sizeof($A)); @
    return v;
}",
    },
    Idiom {
        name: "array of numbers",
        makes: &[Named("int"), Named("double")],
        source: "
void f$N(size_t n) {
    int *v = malloc(n * sizeof *v); @
    double *d = calloc(n, sizeof(double)); @
    if (v && d) { v[0] = 3; d[n - 1] = 2.5; keep(v); keep(d); }
}",
    },
    Idiom {
        name: "goto on failure",
        makes: &[A, B, A],
        source: "
int f$N(struct owner *o) {
    $A *p = NULL; $B *q = NULL; $A *r = NULL;
    if ((p = malloc(sizeof *p)) == NULL) @
        goto fail;
    if ((q = malloc(sizeof *q)) == NULL) @
        goto fail;
    if ((r = calloc(2, sizeof *r)) == NULL) @
        goto fail;
    p->data = q; q->data = r; o->any = p;
    return 0;
fail:
    free(r); free(q); free(p);
    return -1;
}",
    },
    Idiom {
        name: "null of another type",
        makes: &[A],
        source: "
$B *f$N($B *given) {
    $A *p = malloc(sizeof *p); @
    if (!p) return NULL;
    p->b = 3;
    given->data = p;
    return given;
}",
    },
    Idiom {
        name: "by kind",
        makes: &[A, B],
        source: "
void *f$N(int kind) {
    void *p = NULL;
    switch (kind) {
    case 0: p = malloc(sizeof($A)); @
        if (p) (($A *)p)->a = 3;
        break;
    case 1: p = malloc(sizeof($B)); @
        if (p) (($B *)p)->b = 4;
        break;
    default: break;
    }
    return p;
}",
    },
    Idiom {
        name: "by kind",
        makes: &[A, B, A, B],
        source: "
void f$N(int kind, struct owner *o) {
    switch (kind) {
    case 0: { $A *p = malloc(sizeof *p); @
        if (p) { p->a = 3; o->any = p; } break; }
    case 1: { $B *p = malloc(sizeof *p); @
        if (p) { p->a = 4; o->any = p; } break; }
    case 2: { $A *p = calloc(4, sizeof *p); @
        if (p) { p->a = 5; o->other = p; } break; }
    case 5: { $B *p = xmalloc(sizeof *p); @
        p->a = 6; o->other = p; break; }
    case 6: o->any = NULL; break;
    case 7: o->other = NULL; break;
    }
}",
    },
    Idiom {
        name: "one variable, two types",
        makes: &[A, B],
        source: "
void f$N(int n) {
    void *p = malloc(sizeof($A)); @
    if (!p) return;
    $A *a = p; a->a = n; keep(a);
    p = malloc(sizeof($B)); @
    if (!p) return;
    $B *b = p; b->b = n; keep(b);
}",
    },
    Idiom {
        name: "one of two",
        makes: &[A, B],
        source: "
void f$N(int n, struct owner *o) {
    if (n > 2) {
        $A *p = malloc(sizeof *p); @
        if (!p) return;
        p->a = n; o->any = p;
    } else {
        $B *p = malloc(sizeof *p); @
        if (!p) return;
        p->a = n; o->any = p;
    }
}",
    },
    Idiom {
        name: "void member, then a variable",
        makes: &[A],
        source: "
int f$N(struct owner *o) {
    o->any = malloc(sizeof($A)); @
    $A *p = o->any;
    if (!p) return -1;
    p->a = 3;
    return 0;
}",
    },
    Idiom {
        name: "behind a header",
        makes: &[A],
        source: "
void f$N(int n) {
    $A *p = hmalloc(sizeof *p); @
    p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "structure by value",
        makes: &[A, B],
        source: "
struct o$N { $A *x; $B *y; };
struct o$N f$N(void) {
    struct o$N o;
    o.x = malloc(sizeof *o.x); @
    o.y = malloc(sizeof *o.y); @
    return o;
}",
    },
    Idiom {
        name: "local structure",
        makes: &[A],
        source: "
struct o$N { int n; $A *x; };
void f$N(int n) {
    struct o$N o = { n, NULL };
    o.x = malloc(sizeof *o.x); @
    keep(&o);
}",
    },
    Idiom {
        name: "argument only",
        makes: &[A],
        source: "
NOINLINE void take$N($A *p) { if (p) p->a++; keep(p); }
void f$N(void) {
    take$N(malloc(sizeof($A))); @
}",
    },
    Idiom {
        name: "through memset",
        makes: &[A],
        source: "
$A *f$N(void) {
    $A *p = memset(xmalloc(sizeof *p), 7, sizeof *p); @
    p->a = 1;
    return p;
}",
    },
    Idiom {
        name: "alternating",
        makes: &[A, B],
        source: "
void f$N(int n) {
    $A *last = NULL;
    for (int i = 0; i < n; i++) {
        $A *p = malloc(sizeof *p); @
        if (!p) break;
        $B *q = malloc(sizeof *q); @
        if (!q) { free(p); break; }
        q->a = i;
        p->link = last; p->data = q; last = p;
    }
    keep(last);
}",
    },
    Idiom {
        name: "never returns",
        makes: &[A, B],
        source: "
void f$N(struct owner *o, int n) {
    $A *p = malloc(sizeof *p); @
    if (!p || n < 0) fatal();
    p->a = n; o->any = p;
    if (n == 7) { keep(p); fatal(); }
    $B *q = malloc(sizeof *q); @
    if (!q) fatal();
    q->a = 2; o->other = q;
}",
    },
    Idiom {
        name: "two members at once",
        makes: &[A, B],
        source: "
struct o$N { $A *x; $B *y; };
void f$N(struct o$N *o) {
    $A *x = malloc(sizeof *x); @
    $B *y = malloc(sizeof *y); @
    o->x = x; o->y = y;
}",
    },
    Idiom {
        name: "anonymous structure",
        makes: &[Named("anonymous_t")],
        source: "
void f$N(int n) {
    anonymous_t *p = malloc(sizeof *p); @
    if (p) p->x = n;
    keep(p);
}",
    },
    Idiom {
        name: "through a pointer to a function",
        makes: &[],
        source: "
void f$N(int n) {
    $A *p = hooks.allocate(sizeof *p);
    if (p) p->a = n;
    keep(p);
}",
    },
    Idiom {
        name: "twin functions",
        makes: &[Own("o"), Own("q")],
        source: "
struct o$N { long x, y; }; struct q$N { long z, w; };
NOINLINE struct o$N *one$N(void) {
    struct o$N *p = malloc(sizeof *p); @
    if (p) p->x = 1;
    return p;
}
NOINLINE struct q$N *two$N(void) {
    struct q$N *p = malloc(sizeof *p); @
    if (p) p->z = 1;
    return p;
}
void f$N(struct owner *o) { o->any = one$N(); o->other = two$N(); }",
    },
    Idiom {
        name: "structure copied",
        makes: &[A],
        source: "
$A *f$N(const $A *from) {
    $A *p = malloc(sizeof *p); @
    if (p) *p = *from;
    return p;
}",
    },
    Idiom {
        name: "structure copied",
        makes: &[A],
        source: "
void f$N(struct owner *o, const $A *from) {
    void *p = xmalloc(sizeof($A)); @
    o->any = memcpy(p, from, sizeof *from);
}",
    },
    Idiom {
        name: "grown by doubling",
        makes: &[A],
        source: "
struct o$N { size_t n, room; $A *items; };
int f$N(struct o$N *o, int a) {
    if (o->n == o->room) {
        size_t room = o->room ? 2 * o->room : 8;
        $A *items = realloc(o->items, room * sizeof *items); @
        if (!items) return -1;
        o->items = items; o->room = room;
    }
    o->items[o->n++].a = a;
    return 0;
}",
    },
];

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
    let mut order: Vec<&Idiom> = IDIOMS.iter().cycle().take(IDIOMS.len() * times).collect();
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
