//! Facts: what a rule file says of how a program's memory reads, where its types alone do not.
//!
//! Plain data: who writes rules fills them in. [`crate::model`] compiles those about types into pointer maps, when it first meets the
//! type; [`crate::given`] asks those about sites and slabs before any pointer is followed; [`crate::roots`] those about modules. A fact
//! about what a program does not have changes nothing; saying so is for who checks rules.
//!
//! ```
//! use mcrx_tracer::facts::{Arm, Choice, Facts, FieldFact, Pattern, Reading, Subject};
//!
//! // field ngx_connection_s.data : match read.handler { ngx_http_wait_request_handler => ngx_http_connection_t  _ => pin }
//! let data = Reading::Match(Box::new(Choice {
//!     on: Subject::Member("read.handler".into()),
//!     arms: vec![Arm {
//!         when: vec![Pattern::Name("ngx_http_wait_request_handler".to_owned())],
//!         then: Reading::To("ngx_http_connection_t".to_owned()),
//!     }],
//!     otherwise: Reading::Conservative,
//! }));
//! let fact = FieldFact { owner: "ngx_connection_s".to_owned(), field: "data".to_owned(), reading: data };
//! let facts = Facts { fields: vec![fact], ..Facts::default() };
//! assert!(facts.field("ngx_connection_s", "data").is_some());
//! ```
//!
//! Where the last of several facts about one thing is asked for, it is so that a file can be imported and then contradicted.
//!
//! Types are spoken of by their names without `struct`. Of several of one name, `dict@dict.c` is the one of that source file; `conn*` is a
//! pointer to the type.

mod choice;
mod name;
mod path;
mod place;

pub(crate) use choice::is_named;
pub use choice::{Arm, Choice, Pattern, Subject};
pub(crate) use name::TypeName;
pub use path::{BadPath, Path, Step};
pub use place::{Bound, Element, Scratch, SiteFact, SiteReading, Slab};

/// All facts for one trace. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// About members.
    pub fields: Vec<FieldFact>,
    /// About pointers to a type, wherever they are.
    pub pointers: Vec<PointerFact>,
    /// Types that read differently where they are reached by certain pointers.
    pub variants: Vec<Variant>,
    /// Parts of objects that hold nothing live.
    pub scratch: Vec<Scratch>,
    /// About the blocks that functions make.
    pub sites: Vec<SiteFact>,
    /// The program's own slab allocators.
    pub slabs: Vec<Slab>,
    /// Modules whose types are not to be relied on, by the start of their file's name (`libcrypto`): their variables and frames are
    /// read conservatively, and their sites say nothing.
    pub opaque_modules: Vec<String>,
}

/// How one member of a structure or union reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFact {
    /// The structure's or union's name, without `struct`; of an anonymous one, its typedef's.
    pub owner: String,
    /// The member's name; of one of a structure inside, in place or in an array, with the names on the way: `head.first`. What is said so
    /// comes before what is said of the structure inside, and paths in the reading begin at the owner all the same.
    pub field: String,
    /// What it is.
    pub reading: Reading,
}

/// How pointers to a type read, wherever no fact about a member says otherwise: all `dictEntry *` of redis carry tags, whether they
/// are in members, in arrays or in locals. Where they are said to be [`Reading::Opaque`], a pointer to such a pointer tells nothing either:
/// a link of a free list lies in what is of another type while it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointerFact {
    /// The name of the type pointed to, without `struct`.
    pub to: String,
    /// What such a pointer is.
    pub reading: Reading,
}

/// A type under another name: laid out the same, but with facts of its own. A reading that leads to it says of which sort an object is
/// that does not know it itself: an entry of redis's dictionaries holds what its dictionary is of.
///
/// A [`Reading::InVariant`] leads to it, or its name does. In it, pointers to the type (also through further pointers and arrays) are pointers to the variant. It stands to the type as a larger
/// object stands to its first member: it says more, and both can be true of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What readings call it, and what facts about its members have as their owner. Not the name of a type.
    pub name: String,
    /// The structure's or union's name, without `struct`.
    pub of: String,
}

/// What a member is, whatever its declared type says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It holds no pointer.
    NotAPointer,
    /// It points to something of a type that is not known; that may move.
    Opaque,
    /// It points to something that it keeps alive, to free it some day, and that nobody reads by it: what is reached by nothing else is
    /// of no use any more, whatever it holds, and counts as bytes.
    Retained,
    /// A pointer to this type, by its name without `struct`, or to a variant of one. If there is none of the name, to something.
    To(String),
    /// The pointer that it is declared to be, with these low or high bits used for something else.
    Tagged(u64),
    /// A pointer to this type, with these low or high bits used for something else.
    TaggedTo {
        /// The bits.
        bits: u64,
        /// As of [`Reading::To`].
        to: String,
    },
    /// Any aligned word in it may be a pointer.
    Conservative,
    /// What its type says, facts about that type included: what an arm says that leaves things as they are.
    AsDeclared,
    /// Of a union: its member of this name, by that one's own type and facts. Of a structure: this member alone holds pointers.
    Member(Path),
    /// Several objects side by side.
    Array(Array),
    /// One of several readings, told by a value.
    Match(Box<Choice<Reading>>),
    /// What another reading says, with pointers to the type that a variant is of leading to the variant: also pointers to such
    /// pointers, and arrays of them.
    InVariant {
        /// The variant's name.
        variant: String,
        /// What it is otherwise.
        reading: Box<Reading>,
    },
}

/// As many objects as a member elsewhere says: behind a pointer, in an array of which only so many elements are in use, or in a
/// flexible array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Of one, as of [`Reading::To`]. `None`: what the pointer or array is declared to be of; for `void *` it is not known, and then the
    /// pointer is [`Reading::Opaque`].
    pub element: Option<String>,
    /// How many: an integer, from the structure that has the member.
    pub count: Path,
    /// Bytes from one to the next, if there is a member that says so. Where it is not the size of the element, nothing is believed of
    /// what is there.
    pub stride: Option<Path>,
}

impl Facts {
    /// What is said of a member. The last that is said counts.
    pub fn field(&self, owner: &str, field: &str) -> Option<&Reading> {
        let is = |fact: &&FieldFact| fact.owner == owner && fact.field == field;
        self.fields.iter().rev().find(is).map(|fact| &fact.reading)
    }

    /// What is said of pointers to a type. The last that is said counts.
    pub fn pointer(&self, to: &str) -> Option<&Reading> {
        self.pointers.iter().rev().find(|fact| fact.to == to).map(|fact| &fact.reading)
    }

    /// What is said of a function's blocks. The last that is said counts.
    pub fn site(&self, function: &str) -> Option<&SiteReading> {
        self.sites.iter().rev().find(|fact| is_named(&fact.function, function)).map(|fact| &fact.reading)
    }

    /// Whether a module's types are not to be relied on, by its file.
    pub fn is_opaque(&self, file: &std::path::Path) -> bool {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        self.opaque_modules.iter().any(|start| name.starts_with(start.as_str()))
    }

    /// Functions whose callers decide what their blocks are: further names of allocation functions, for who looks for sites.
    pub fn wrappers(&self) -> impl Iterator<Item = &str> {
        let is_wrapper = |fact: &&SiteFact| fact.reading == SiteReading::CallerDecides;
        self.sites.iter().filter(is_wrapper).map(|fact| fact.function.as_str())
    }
}
