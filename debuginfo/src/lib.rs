//! What the compiler wrote down about a binary: types, variables, functions, frames and call sites.
//!
//! You name a program or library on disk ([`file::Binary`]); what it was stripped of is found where the system keeps it. You get answers,
//! each from a module that can be used alone:
//!
//! | asked | by |
//! |---|---|
//! | which types, variables and functions it has, and how types lie in memory | [`load`], which makes a [`table::Table`] |
//! | the same, and its sites, but only once for each build | [`cache`] |
//! | what differs between two releases | [`compare`] |
//! | how a type is written in C | [`spell`] |
//! | which source a place in its code comes from | [`lines`] |
//! | which functions a stopped thread is in, and where their variables are | [`frames`] |
//! | what the blocks are that a call of an allocation function makes | [`sites`] |
//! | where an allocation wrapper's own return address is | [`callers`] |
//! | how functions of it can be hooked | [`hooks`] |
//! | its sections, symbols, relocations and raw DWARF | [`mod@file`], [`dwarf`] |
//!
//! Addresses are as linked ([`table::Address`]): what a process adds to them is up to the caller. Sizes and offsets are in bytes; where
//! they are in bits, their names say so. Types and functions are numbers in one table, and mean nothing in another.
//!
//! Everything that is read is taken for hostile: programs, their debug files, files of the cache. Bounds are checked, what is allocated
//! and how long it takes is bounded by the lengths of files, and nothing panics. Damage is an error with the place of it, or, where an
//! answer consists of many parts, an answer with parts that are unknown. An error says what is missing and what to do about it.
//!
//! A wrong answer is worse than none, since what is found here decides what memory is read as, and written to: nothing is guessed, and what
//! is not certain says so.
//!
//! What it does not do: read processes (the memory that frames need comes through a callback), print, know rules, fetch files, other
//! machines than x86-64.

pub mod cache;
pub mod callers;
pub mod compare;
pub mod dwarf;
pub mod file;
pub mod frames;
pub mod hooks;
pub mod image;
pub mod lines;
pub mod load;
pub mod sites;
pub mod spell;
pub mod table;
