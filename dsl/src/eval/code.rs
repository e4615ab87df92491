//! Compiled expressions: names are places, members are offsets.

use super::scalar::Scalar;
use super::value::Value;
use crate::diagnostic::Release;
use crate::pairing::PairId;
use crate::rules::Binary;
use crate::source::At;
use mcrx_debuginfo::table::{Address, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

/// How objects of an old type become objects of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Making {
    /// The pair of types.
    pub pair: PairId,
    /// Which of the types that are made from the old one.
    pub made: usize,
}

/// A node, and what it was written as.
pub type Node = Box<At<Code>>;

/// A value that is written somewhere: how it comes about, and how it lies there.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Gives bytes of the size, or what a scalar writes.
    pub code: At<Code>,
    /// `None`: the code gives bytes.
    pub scalar: Option<Scalar>,
    /// In bytes.
    pub size: u64,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub enum Code {
    /// Always the same.
    Constant(Value),
    /// Something with a name: which, from the outermost.
    Local(usize),
    /// A variable of a program, as an object.
    Variable(Release, Address),
    /// A function of a program, as a pointer.
    Function(Release, Address),
    /// A part of an object, so many bytes on.
    Offset(Node, u64),
    /// What a pointer leads to.
    Follow(Node),
    /// A pointer to an object.
    Refer(Node),
    /// The number or pointer that an object is.
    Load(Node, Scalar),
    /// An element of an array, or of what a pointer leads to, as an object.
    Element {
        /// Whose.
        of: Node,
        /// Which.
        index: Node,
        /// Bytes from one to the next.
        stride: u64,
        /// How many there are, where that is known.
        count: Option<u64>,
    },
    /// An element of a sequence.
    Nth(Node, Node),
    /// Elements of an array, or of what a pointer leads to.
    Slice {
        /// Whose.
        of: Node,
        /// The first one; `None`: from the beginning.
        from: Option<Node>,
        /// One past the last; `None`: all that there are.
        to: Option<Node>,
        /// Bytes from one to the next.
        stride: u64,
        /// How many there are, where that is known.
        count: Option<u64>,
        /// Numbers and pointers are read at once.
        load: Option<Scalar>,
    },
    /// Elements of a sequence, or bytes of a text.
    Part(Node, Node, Node),
    /// The objects of a list, as pointers: from this one on, by the pointer at the offset.
    Chain(Node, u64),
    /// The last value of an expression that is evaluated for each element, with the value before it and the element as the next locals.
    Fold {
        /// A sequence, or bytes of a text.
        of: Node,
        /// What the first element finds.
        first: Node,
        /// For each.
        each: Node,
    },
    /// Text up to a zero, from an array of characters of this length or from where a pointer leads.
    CText(Node, Option<u64>),
    /// `-a`
    Negate(Node),
    /// `!a`
    Not(Node),
    /// `~a`: in these bits
    Complement(Node, Option<Scalar>),
    /// Numbers.
    Binary(Binary, Node, Node),
    /// Elements between two pointers.
    Distance(Node, Node, u64),
    /// Anything with anything.
    Compare(Binary, Node, Node),
    /// `a && b`, `a || b`
    Logic(Binary, Node, Node),
    /// `a ? b : c`
    Conditional(Node, Node, Node),
    /// `a else b`
    Else(Node, Node),
    /// One of several.
    Match(Node, Vec<(Vec<Test>, At<Code>)>, Option<Node>),
    /// These, one after the other.
    List(Vec<At<Code>>),
    /// With these as the next locals.
    Let(Vec<At<Code>>, Node),
    /// `min`, `max`: of all
    Extreme {
        /// Of these.
        of: Vec<At<Code>>,
        /// `max`
        greatest: bool,
    },
    /// A number moved to the nearest one between two.
    Clamp(Node, Node, Node),
    /// How many elements a sequence has, or bytes a text.
    Length(Node),
    /// A refusal in words.
    Fail(String),
    /// A question.
    Undecided(String),
    /// As a number or pointer of a C type, if it fits.
    Fit(Node, Scalar),
    /// A constant of an old enumeration as that of a new one; `None`: it has none. Values that no constant has stay.
    Renumber(Node, FxHashMap<i128, Option<i128>>),
    /// A pointer of the old program, to something of so many bytes, as the new one is to use it.
    Translate(Node, u64),
    /// An old object as a new one's bytes.
    Migrate(Node, Making, u64),
    /// An object's bytes as they are.
    Copy(Node, u64),
    /// So many bytes, with parts of them set.
    Build(u64, Vec<(u64, Stored)>),
    /// Text in an array of so many bytes.
    TextIn(Node, u64),
    /// Text with a zero behind it.
    TextWithZero(Node),
    /// A sequence's elements side by side: each is the next local, and stored so. At most so many; they are filled up with zeros.
    Fill {
        /// The sequence.
        of: Node,
        /// Each one.
        each: Box<Stored>,
        /// How many there is room for; `None`: as many as there are.
        room: Option<u64>,
    },
    /// Bytes in a block of their own; a pointer to it.
    Allocate(Node, Option<TypeId>),
    /// A sequence's elements as a list; a pointer to the first.
    Link {
        /// The sequence.
        of: Node,
        /// How each becomes an element of the list.
        element: Box<Linked>,
        /// Where in an element the pointer to the next one is.
        next: u64,
        /// Where the pointer to the one before it is.
        previous: Option<u64>,
    },
}

/// How something becomes an element of a list; it is the next local.
#[derive(Debug, Clone)]
pub enum Linked {
    /// It is one: this is the pointer to it.
    There(At<Code>),
    /// It gets a block of its own, with this in it.
    New(Stored, TypeId),
}

/// Whether a value is one of those that an arm is for.
#[derive(Debug, Clone)]
pub enum Test {
    /// One of these numbers.
    Integers(FxHashSet<i128>),
    /// These bits of it are these.
    Bits {
        /// Which.
        mask: u64,
        /// What they are.
        value: u64,
    },
    /// A pointer to one of these functions or variables.
    Places(FxHashSet<Address>),
    /// The null pointer.
    Null,
    /// True or false.
    Truth(bool),
}
