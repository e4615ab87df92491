//! Blocks by what is in them: unions, flexible arrays, links, bases, bytes, pointers.

use super::Idiom;
use super::Makes::{A, B, Bytes, Named, Own, Pointers};

pub(super) const SHAPES: &[Idiom] = &[
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
];
