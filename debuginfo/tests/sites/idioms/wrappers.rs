//! Results that functions, macros and conditions of the program's own hand on.

use super::Idiom;
use super::Makes::{A, B};

pub(super) const WRAPPERS: &[Idiom] = &[
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
];
