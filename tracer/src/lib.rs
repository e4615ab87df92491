//! What a server's processes are made of.
//!
//! An [`image::Image`] is all processes of a server at one instant. It comes from live processes, from a snapshot file, from a core
//! file or out of a test's hands, and everything else here sees nothing but it: one code path for all.
//!
//! What it does not do: look at processes, stop them, or change anything anywhere. It reads the files that an image's read-only memory
//! is mapped from.

pub mod blocks;
pub mod calls;
pub mod core_file;
pub mod debug;
pub mod facts;
pub mod given;
pub mod graph;
pub mod image;
pub mod mark;
pub mod marks;
pub mod model;
pub mod paranoid;
mod prefetch;
pub mod roots;
pub mod snapshot;
mod spread;
pub mod trace;
pub mod value;
