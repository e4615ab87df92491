//! What the compiler wrote down about a binary: types, variables, functions, frames and call sites.

pub mod cache;
pub mod callers;
pub mod compare;
pub mod dwarf;
pub mod file;
pub mod frames;
pub mod image;
pub mod lines;
pub mod load;
pub mod sites;
pub mod spell;
pub mod table;
