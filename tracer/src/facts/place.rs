//! Facts about where objects are: in the blocks of a site, in slabs; and where in an object there are none.

use super::{Choice, Path};

/// A part of each object of a type that holds nothing live: the free room of a pool, what is behind the end of a buffer.
///
/// It may reach behind the object, into the rest of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// The structure's name, without `struct`.
    pub owner: String,
    /// Its first byte.
    pub from: Bound,
    /// One past its last.
    pub to: Bound,
}

/// An end of such a part. Paths begin at the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Where this pointer points to.
    Pointer(Path),
    /// An element of an array in the object, or of what a pointer points to.
    Element {
        /// The array, or the pointer.
        array: Path,
        /// Its number: an integer.
        index: Path,
    },
    /// The end of the block.
    EndOfBlock,
}

/// What blocks are that a function makes: all that were allocated in it, or in what it called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFact {
    /// The function's name; with a `*` at its end, of all that begin so.
    pub function: String,
    /// What they are.
    pub reading: SiteReading,
}

/// What blocks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteReading {
    /// Of this type, by its name without `struct`: as many as there is room for.
    Of(String),
    /// What the function's caller makes of them.
    CallerDecides,
    /// Bytes without pointers in them.
    NoPointers,
    /// Now this and now that: an object cache hands out again what it has made for something else. What a block is, pointers tell.
    SaysNothing,
}

/// A slab allocator of the program's own: pages that are cut into elements of one size, for each of several sizes.
///
/// memcached's, whose pages are in `slabclass[i].slab_list[0 .. slabs]`, each of `perslab` elements of `size` bytes:
///
/// ```
/// use mcrx_tracer::facts::{Arm, Choice, Element, Pattern, Slab, Subject};
///
/// Slab {
///     classes: "slabclass".into(),
///     pages: "slab_list".into(),
///     page_count: Some("slabs".into()),
///     stride: "size".into(),
///     per_page: Some("perslab".into()),
///     element: "_stritem".to_owned(),
///     kinds: Some(Choice {
///         on: Subject::Member("it_flags".into()),
///         arms: vec![
///             Arm { when: vec![Pattern::Bits { mask: 4, value: 4 }], then: Element::Free },
///             Arm { when: vec![Pattern::Bits { mask: 64, value: 64 }], then: Element::Live("_strchunk".to_owned()) },
///         ],
///         otherwise: Element::Live("_stritem".to_owned()),
///     }),
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slab {
    /// Where the classes are described: a global variable, or a member of one; a structure, or an array of structures.
    pub classes: Path,
    /// From a class: its pages. An array of pointers, or a pointer to such; without a `page_count` the pointer to the only page.
    pub pages: Path,
    /// From a class: how many pages.
    pub page_count: Option<Path>,
    /// From a class: bytes of an element. A class with 0 is not in use.
    pub stride: Path,
    /// From a class: how many elements a page has. `None`: as many as there is room for in its block.
    pub per_page: Option<Path>,
    /// What is in an element, by name without `struct`: the type that `kinds` looks at.
    pub element: String,
    /// What an element is, where they are not all of that type and live.
    pub kinds: Option<Choice<Element>>,
}

/// What is in an element of a slab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// An object of this type, by its name without `struct`.
    Live(String),
    /// Nothing that is live: it is on a free list.
    Free,
    /// Something: any aligned word in it may be a pointer.
    Unknown,
}
