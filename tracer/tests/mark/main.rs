//! Marking, on processes that are made up: their types, their blocks and their words.

mod known;
mod program;
mod random;
