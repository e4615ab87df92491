//! The processes of a running server: held still, read, and let go again.
//!
//! This is the only part of mcrx that touches a live process. [`hold`] stops all threads of one process or of a whole tree, and
//! lets them go so that they notice nothing; [`process`] says what is mapped where, which pages were ever written, what the threads
//! are called, and reads memory; [`capture`] does both, and makes an image of what it found.
//!
//! What it does not do: know types, rules or what the memory means (`mcrx-tracer` and above do), or print.

pub mod capture;
pub mod hold;
pub mod process;
