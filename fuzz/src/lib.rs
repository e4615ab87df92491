//! What the targets share: bytes as a file, checksums made right again, and looking at all that a reader has made of them.
//!
//! A target neither panics nor hangs, and takes no more memory than libFuzzer allows (2 GiB): that is all that is asked of it.

pub mod file;
pub mod image;
pub mod process;
pub mod table;
