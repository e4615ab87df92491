//! Results that go to variables, members, globals, and out through parameters.

use super::Idiom;
use super::Makes::{A, B};

pub(super) const PLACES: &[Idiom] = &[
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
];
