//! How memory reads.

use super::{Hole, Path, Pattern, Symbol, TypeName};
use crate::source::At;

/// A statement about how memory reads. It holds for a program through many releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `hook pool ngx_palloc(pool, size)`: functions that allocate from a pool.
    HookPool(HookPool),
    /// `wrapper f, g*`: the caller decides what blocks are that these make.
    Wrapper(Vec<At<Pattern>>),
    /// `site f : robj`: what blocks are that these functions make.
    Site {
        /// The functions.
        functions: Vec<At<Pattern>>,
        /// What their blocks are.
        reading: At<SiteReading>,
    },
    /// `field dict.type : opaque`, `field conf.main, srv : opaque`: how members read.
    Field {
        /// The structure or union.
        owner: At<Symbol>,
        /// The members, at least one.
        paths: Vec<At<Path>>,
        /// What each of them is.
        reading: At<Reading>,
    },
    /// `pointer dictEntry : tagged 0b111`: how all pointers to a type read.
    Pointer {
        /// The type pointed to.
        to: At<Symbol>,
        /// What they are.
        reading: At<Reading>,
    },
    /// `variant zset_entry of dictEntry { v : .d }`: a type under another name, with facts of its own.
    Variant {
        /// What readings call it.
        name: At<String>,
        /// The type.
        of: At<Symbol>,
        /// How its members read.
        fields: Vec<(At<Path>, At<Reading>)>,
    },
    /// The program's own slab allocator.
    Slab(Slab),
    /// `scratch ngx_pool_s [d.last .. d.end]`: a part of each object that holds nothing live.
    Scratch {
        /// The type.
        owner: At<Symbol>,
        /// Its first byte.
        from: At<Bound>,
        /// One past its last.
        to: At<Bound>,
    },
    /// `module libcrypto pin`: a library whose types are not to be relied on, by the beginning of its file's name.
    OpaqueModule(At<String>),
    /// A generic container, whose stored element size follows the element.
    Container(Container),
    /// `handle fd conn.sfd`: a member that holds a file descriptor.
    Descriptor {
        /// The structure.
        owner: At<Symbol>,
        /// The member.
        path: At<Path>,
    },
}

/// Functions that allocate from a pool, all of one kind of pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookPool {
    /// With their parameters.
    pub functions: Vec<At<Call>>,
}

/// A function, and what its parameters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub function: At<Pattern>,
    /// In order.
    pub parameters: Vec<At<Parameter>>,
}

/// What a parameter of an allocation function is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// `pool`
    Pool,
    /// `size`: bytes.
    Size,
    /// Anything else.
    Other(String),
}

/// What blocks of a site are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteReading {
    /// As many of this type as there is room for.
    Of(TypeName),
    /// `bytes`: no pointers.
    Bytes,
    /// `caller`: what the function's caller makes of them.
    Caller,
    /// `opaque`: now this and now that. Pointers tell what each of them is.
    Opaque,
    /// Not known yet.
    Hole(Hole),
}

/// What a member or pointer is, whatever its declared type says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// `bytes`: it holds no pointer.
    Bytes,
    /// `pin`: any aligned word in it may be a pointer.
    Pin,
    /// `opaque`: it points to something of a type that is not known.
    Opaque,
    /// `retained`: it points to something that it keeps alive, and that nobody reads by it.
    Retained,
    /// `declared`: what its type says.
    Declared,
    /// `.member`: of a union or structure, only that one counts.
    Member(Path),
    /// `robj`, `robj tagged 0b11`: it points to one of these.
    To {
        /// To what: the name of a type or of a variant.
        to: At<TypeName>,
        /// Bits of the pointer that are used for something else.
        tag: Option<At<u64>>,
    },
    /// `tagged 0b111`: it is what it is declared to be, with these bits used for something else.
    Tagged(At<u64>),
    /// `infer[nelts]`, `item[count] stride size`: it points to as many, side by side.
    Array {
        /// Of these. `None`: of what it is declared to be, or of what is found there.
        element: Option<At<TypeName>>,
        /// How many: a member of the same structure.
        count: At<Path>,
        /// Bytes from one to the next: a member of the same structure.
        stride: Option<At<Path>>,
    },
    /// `by_module ngx_modules`: an array with an element for each of a list of modules.
    ByModule(At<Symbol>),
    /// `… as zset_entry`: with pointers to the variant's type leading to the variant.
    As {
        /// What it is otherwise.
        reading: Box<At<Reading>>,
        /// The variant.
        variant: At<String>,
    },
    /// One of several, told by a value.
    Match(Box<ReadingMatch>),
    /// Not known yet.
    Hole(Hole),
}

/// Readings told apart by a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingMatch {
    /// The value.
    pub on: At<Subject>,
    /// The first that fits counts.
    pub arms: Vec<ReadingArm>,
    /// `_`: for all other values. `None`: they are read conservatively.
    pub otherwise: Option<At<Reading>>,
}

/// Values, and how memory reads then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingArm {
    /// One of these.
    pub when: Vec<At<super::Value>>,
    /// What follows.
    pub then: At<Reading>,
}

/// A value that tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A member of the same structure, or of what it points to.
    Member(Path),
    /// `global path`: a variable.
    Global(Path),
    /// `bits 0b11`: these bits of the pointer itself.
    Bits(u64),
}

/// Pages that are cut into elements of one size, for each of several sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slab {
    /// The variable that describes the classes.
    pub classes: At<Path>,
    /// `pages = slab_list[slabs]`: where the pages of a class are.
    pub pages: Option<At<Path>>,
    /// How many they are.
    pub page_count: Option<At<Path>>,
    /// `stride = size`: bytes of an element.
    pub stride: Option<At<Path>>,
    /// `per_page = perslab`: elements of a page.
    pub per_page: Option<At<Path>>,
    /// `element = item`: what is in an element.
    pub element: Option<At<TypeName>>,
    /// What it is, where not all are of that type and live.
    pub kinds: Option<SlabMatch>,
}

/// Elements told apart by a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlabMatch {
    /// A member of the element.
    pub on: At<Path>,
    /// The first that fits counts.
    pub arms: Vec<SlabArm>,
    /// For all other values. `None`: of the slab's type.
    pub otherwise: Option<At<Element>>,
}

/// Values, and what an element is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlabArm {
    /// One of these.
    pub when: Vec<At<super::Value>>,
    /// What follows.
    pub then: At<Element>,
}

/// What is in an element of a slab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// One of this type.
    Live(TypeName),
    /// `free`: nothing live.
    Free,
    /// `pin`: something.
    Unknown,
}

/// An end of a part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// `d.last`: where this member points to.
    Pointer(Path),
    /// `buf[used]`: an element whose number is in another member.
    Element {
        /// The array, or a pointer to it.
        array: At<Path>,
        /// The number.
        index: At<Path>,
    },
    /// `end`: of the block.
    End,
}

/// A structure with a pointer to elements, their number and their size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The structure.
    pub owner: At<Symbol>,
    /// `elements = elts[nelts]`: the pointer.
    pub elements: Option<At<Path>>,
    /// Their number.
    pub count: Option<At<Path>>,
    /// `stride = size`: where the size of one is stored.
    pub stride: Option<At<Path>>,
}
