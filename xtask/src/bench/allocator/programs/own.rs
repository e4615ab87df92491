//! Our own programs: one C file each in `benches/allocator`, where it is told what it does and whose idea it was.

use crate::bench::allocator::program::{Kind, Program};

pub(super) const CFRAC: Program = Program {
    name: "cfrac",
    about: "big numbers: short-lived small blocks",
    kind: Kind::Own,
    quick: true,
    prepare: |workshop, size| workshop.own("cfrac", &[size.pick("250000", "10000")]),
};

pub(super) const ESPRESSO: Program = Program {
    name: "espresso",
    about: "logic minimiser: short-lived blocks in recursion",
    kind: Kind::Own,
    quick: true,
    prepare: |workshop, size| workshop.own("espresso", &[size.pick("1000", "60")]),
};

pub(super) const BARNES: Program = Program {
    name: "barnes",
    about: "many bodies: long-lived blocks, mostly walked",
    kind: Kind::Own,
    quick: false,
    prepare: |workshop, size| workshop.own("barnes", &[size.pick("60000", "6000"), "4"]),
};

pub(super) const LARSON: Program = Program {
    name: "larson",
    about: "threads that hand their blocks to successors",
    kind: Kind::Own,
    quick: true,
    prepare: |workshop, size| workshop.own("larson", &["4", "5000", size.pick("60", "2"), "100000"]),
};

pub(super) const XMALLOC: Program = Program {
    name: "xmalloc",
    about: "producers and consumers: every block freed by another thread",
    kind: Kind::Own,
    quick: true,
    prepare: |workshop, size| workshop.own("xmalloc", &["2", size.pick("16000", "800")]),
};

pub(super) const SH: Program = Program {
    name: "sh",
    about: "four threads, small blocks freed in many orders",
    kind: Kind::Own,
    quick: false,
    prepare: |workshop, size| workshop.own("sh", &["4", size.pick("1000", "40")]),
};

pub(super) const BUFFERS: Program = Program {
    name: "buffers",
    about: "buffers that grow by realloc",
    kind: Kind::Own,
    quick: false,
    prepare: |workshop, size| workshop.own("buffers", &[size.pick("12000000", "500000")]),
};

pub(super) const TABLES: Program = Program {
    name: "tables",
    about: "large arrays from calloc, sparsely used",
    kind: Kind::Own,
    quick: false,
    prepare: |workshop, size| workshop.own("tables", &[size.pick("80000", "4000")]),
};

pub(super) const FRAGMENT: Program = Program {
    name: "fragment",
    about: "sizes that change over time: what is lost to old ones",
    kind: Kind::Own,
    quick: true,
    prepare: |workshop, size| workshop.own("fragment", &[size.pick("40", "8"), "8"]),
};
