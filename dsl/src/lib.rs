//! The rule language of mcrx: `.mcrx` files.
//!
//! A release engineer writes in one what debug info cannot know: how a program's memory reads (*facts*, good for many releases), and how
//! it migrates from one release to the next (*changes*). The grammar is in `GRAMMAR.md`, what each construct means in `REFERENCE.md`.
//!
//! ```text
//!   text --syntax--> lossless tree --build--> rules -----------check----------> diagnostics
//!                         |                     |   (debug info of old and new)
//!                        fmt                    +--lower--> facts for the tracer, changes for the transform
//!                                               +--eval---> values of expressions: test blocks
//! ```
//!
//! * [`source`]: files and places in them.
//! * [`rules`]: what a file says, as plain data without its spelling.
//! * [`load`]: a rule file with all that it imports, from text to rules.
//! * [`syntax`]: from text to a tree, and what is wrong with it.
//! * [`mod@format`]: one style for all files.
//! * [`diagnostic`]: what is wrong with it, and what to do.
//! * [`check`], [`codes`]: finding it, and all that can be found.
//! * [`releases`], [`names`]: the debug info that rules are held against, and what their names mean in it.
//! * [`pairing`]: which type of the old release becomes which of the new one, member by member, and what nobody has said;
//!   [`generate`]: the same as a rule file with holes.
//! * [`reverse`]: the rules of the way back, derived.
//! * [`eval`]: values of expressions; [`migrate`]: objects that become others; [`mod@test`]: the examples in rule files, run.
//! * [`rehearsal`]: rules tried on all objects of a traced process.
//! * [`lower`]: from rules to facts for the tracer; [`propose`]: the rule that would remove a pin.
//!
//! Parsing never fails: it gives a tree of all of the text, and what is wrong, all at once. It needs no debug info; checking does.
//!
//! What this crate does not do: read a process or a snapshot, print, or open files but for imports, through [`source::Load`].

pub mod check;
pub mod codes;
pub mod diagnostic;
pub mod eval;
pub mod format;
pub mod generate;
pub mod load;
pub mod lower;
pub mod migrate;
pub mod names;
pub mod pairing;
pub mod propose;
pub mod rehearsal;
pub mod releases;
pub mod reverse;
pub mod rules;
pub mod source;
pub mod syntax;
pub mod test;
