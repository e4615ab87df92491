//! What the compiler wrote down about a binary: types, variables, functions, frames and call sites.

pub mod dwarf;
pub mod file;
pub mod table;
