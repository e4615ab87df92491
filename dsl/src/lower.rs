//! From rules to what the other parts of mcrx work with.
//!
//! What it does not do: say what is wrong with rules. What cannot be lowered is left out; the checks report it.

mod facts;
mod reading;
#[cfg(test)]
mod tests;

pub use facts::facts;
