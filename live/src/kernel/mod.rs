//! What the kernel keeps for a process, as plain values: what an update gives to the process that takes over another's part.
//!
//! Memory is not in it; that is in an image ([`crate::capture`]). Reading a [`KernelState`] takes system calls made by the process itself
//! (its alternate stacks and signal actions are told to nobody else), so it is [held](crate::hold) meanwhile. A state is a value: the
//! process may go on, or end, afterwards; what of it can only be had by descriptors is duplicated into our own process.
//!
//! What it does not have: what belongs to a process whatever it runs (credentials, limits, namespaces, timers, pending signals). An
//! update in place leaves all of that as it is.

mod descriptor;
mod layout;
mod library;
mod read;
mod signal;
mod thread;

pub use descriptor::{Descriptor, EpollEntry, Kind};
pub use layout::Layout;
pub use library::ThreadLayout;
pub use read::Survey;
pub use signal::{SIGNALS, SignalAction};
pub use thread::{AlternateStack, RobustList, Rseq, ThreadState};

/// A process at one instant.
#[derive(Debug)]
pub struct KernelState {
    /// The main thread first, the others in the order of their making.
    pub threads: Vec<ThreadState>,
    /// What is done on signals 1 to 64: signal `n` at place `n - 1`.
    pub signals: Vec<SignalAction>,
    /// In the order of their numbers.
    pub descriptors: Vec<Descriptor>,
    /// Where the kernel believes the parts of its memory to be.
    pub layout: Layout,
}
