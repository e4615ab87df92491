//! What a live process is made of, as the kernel tells it: without stopping it, and without changing anything.

pub mod condition;
mod entry;
pub mod flags;
pub mod maps;
pub mod memory;
pub mod pages;
pub mod status;
pub mod tree;

pub(crate) use entry::{read, read_text};
