//! What is known of a value before there is one.

use crate::diagnostic::Release;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::Type;

/// What sort of value an expression gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort<'t> {
    /// A number. Of a member of this type, if it is one: an enumeration's constants are then known by their names.
    Integer(Option<(Release, Type<'t>)>),
    /// A `float` or `double`.
    Float,
    /// True or false.
    Truth,
    /// Bytes.
    Text,
    /// The null pointer.
    Null,
    /// All bytes zero.
    Zero,
    /// A pointer. `None`: to `void`.
    Pointer(Release, Option<Type<'t>>),
    /// A structure, union or array that lies somewhere.
    Object(Release, Type<'t>),
    /// One that lies nowhere yet, in the layout of the release that is written to.
    Made(Type<'t>),
    /// Elements of one sort.
    Sequence(Box<Sort<'t>>),
    /// There is never a value: `fail`, `todo`.
    Never,
}

impl Sort<'_> {
    /// For people: "a number", "a pointer to `conn`".
    pub fn describe(&self) -> String {
        let spell = |ty: &Type<'_>| format!("`{}`", type_name(Some(*ty), Anonymous::LeftOut));
        match self {
            Sort::Integer(_) => "a number".to_owned(),
            Sort::Float => "a floating point number".to_owned(),
            Sort::Truth => "true or false".to_owned(),
            Sort::Text => "text".to_owned(),
            Sort::Null => "null".to_owned(),
            Sort::Zero => "zero".to_owned(),
            Sort::Pointer(_, Some(to)) => format!("a pointer to {}", spell(to)),
            Sort::Pointer(_, None) => "a pointer to something of no known type".to_owned(),
            Sort::Object(_, ty) | Sort::Made(ty) => format!("a {}", spell(ty)),
            Sort::Sequence(element) => format!("a sequence, each element {}", element.describe()),
            Sort::Never => "no value".to_owned(),
        }
    }

    /// Whether it can be computed with as a whole number.
    pub fn is_integer(&self) -> bool {
        matches!(self, Sort::Integer(_) | Sort::Truth | Sort::Zero | Sort::Never)
    }
}

impl<'t> Sort<'t> {
    /// Of the one or the other, where an expression gives either. `None`: they have nothing in common.
    pub fn either(self, other: Sort<'t>) -> Option<Sort<'t>> {
        match (self, other) {
            (one, other) if one == other => Some(one),
            (Sort::Never | Sort::Zero, sort) | (sort, Sort::Never | Sort::Zero) => Some(sort),
            (Sort::Integer(_) | Sort::Truth, Sort::Integer(_) | Sort::Truth) => Some(Sort::Integer(None)),
            (Sort::Null, pointer @ Sort::Pointer(..)) | (pointer @ Sort::Pointer(..), Sort::Null) => {
                Some(pointer)
            }
            (Sort::Pointer(one, _), Sort::Pointer(other, _)) if one == other => {
                Some(Sort::Pointer(one, None))
            }
            _ => None,
        }
    }
}

/// A name that a statement gives to something: `old`, an object of `for each`, a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local<'t> {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub sort: Sort<'t>,
}
