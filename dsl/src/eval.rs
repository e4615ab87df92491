//! Values of expressions: what `state = match old.state { … }` gives for one object.
//!
//! Two steps, because an update evaluates the same few expressions for millions of objects:
//!
//! ```text
//!   Expression --Compiler--> Code          once: names, members and types become numbers; what cannot be is a `Mistake`
//!   Code -------Machine----> Value         for each object: reads memory through a `World`; what cannot be is a `Failure`
//! ```
//!
//! * [`world`]: what evaluation sees of the two programs, and how it asks for more memory.
//! * [`value`], [`sort`]: values, and what is known of them before there are any.
//! * [`scalar`]: numbers and pointers in the bytes of a C object.
//! * [`compile`], [`code`], [`run`]: the two steps.
//!
//! Evaluation is total. There are no loops but over elements of arrays and lists, which are bounded; definitions cannot call themselves; what a
//! compiled expression may cost is limited both when it is compiled and when it runs. All numbers are computed in 128 bits and checked;
//! they must fit where they go.
//!
//! What it does not do: write to the memory that it sees. What an expression makes beside its value (elements of a list, blocks) is
//! collected in [`run::Effects`], for whoever asked to apply.

pub mod code;
pub mod compile;
mod definitions;
pub mod failure;
mod lookup;
pub mod run;
pub mod scalar;
pub mod sort;
pub mod value;
pub mod world;

pub use code::{Code, Making, Stored};
pub use compile::literals::{Inside, inside};
pub use compile::{Compiled, Compiler, NoPairs, Pairs};
pub use definitions::Definitions;
pub use failure::{Failure, Mistake, Reason};
pub use lookup::{Lookup, NotFound};
pub use run::{Effects, Machine, Migrate, Patch};
pub use scalar::{Bits, Scalar, Shape};
pub use sort::{Local, Sort};
pub use value::{Place, Value};
pub use world::{Unreadable, World};
