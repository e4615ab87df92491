//! Ways through a function: failures, choices, several types in one place, and back again.

use super::Idiom;
use super::Makes::{A, B, Named, Own};

pub(super) const FLOWS: &[Idiom] = &[
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
