//! The processes of a running server: held still, read, and let go again.
//!
//! This is the only part of mcrx that touches a live process. [`hold`] stops all threads of one process or of a whole tree,
//! lets them go so that they notice nothing, and has them make system calls for us; [`kernel`] is what the kernel keeps for them;
//! [`process`] says what is mapped where, which pages were ever written, what the threads are called, and reads memory; [`capture`] does
//! both, and makes an image of what it found. [`graft`] puts the memory of a new release into a process, [`descriptors`] says what
//! becomes of what it has open, [`adapters`] tell libraries what the old release had told them, [`switch`] has its threads run the new code.
//! [`update`] does all of that in order; [`undo`] has what it takes to go back, [`managed`] all that is kept of a server
//! meanwhile, and [`control`] how one asks after it.
//!
//! What it does not do: know types, rules or what the memory means (`mcrx-tracer` and above do), or print.

pub mod adapters;
pub mod birth;
pub mod capture;
pub mod control;
pub mod descriptors;
pub mod graft;
pub mod hold;
pub mod kernel;
mod ledger;
pub mod managed;
pub mod park;
pub mod process;
pub mod randomness;
pub mod shadow;
pub mod switch;
pub mod undo;
pub mod update;
