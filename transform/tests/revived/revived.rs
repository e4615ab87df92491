//! The new release goes on for real: it runs its own code on what the transform has made of the old one's memory.
//!
//! ```text
//!   a process of the new release, parked ---+
//!   S1, N1 of the old one ------------------+--> plan --> written into the process --> it goes on
//! ```
//!
//! * [`tracee`]: the process held still, and made to call functions of its own.
//! * [`process`]: it as a target, and as what gives room for new blocks; the old one's heap mapped into it; its allocator told of that.
//! * [`run`]: a case, gone on with, beside the new release that has done the same work itself.

#[path = "process.rs"]
pub(crate) mod process;
#[path = "run.rs"]
pub(crate) mod run;
#[path = "tracee.rs"]
mod tracee;
