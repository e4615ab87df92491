//! Libraries that keep something for themselves, told anew what the old release had told them.
//!
//! A library without debug info keeps what it was told in blocks of its own, of which nobody knows the meaning. The new release's own blocks
//! count there, as its start-up has left them; what the old process had told the library since then is told it by the same functions that the
//! program would call, in the process, when all memory is written and before any thread runs the new code.
//!
//! Each library has an adapter of its own, which knows these functions, and the structures of the program by which it is told. There is one
//! for libevent, which is told by events.
//!
//! Threads that wait for a condition can be [woken](signal()) in the same way.
//!
//! What it does not do: find these structures, or carry them over. The transform's plan does.

mod condition;
mod libevent;

pub use condition::signal;

use crate::graft::Journal;
use crate::hold::{Hands, HandsError, Registers};
use mcrx_debuginfo::table::Table;
use mcrx_tracer::image::Process;
use mcrx_transform::plan::Adapted;
use nix::unistd::Pid;
use std::collections::BTreeSet;

/// What is to be told the libraries of one process.
#[derive(Debug, Default)]
pub struct Tellings(Vec<libevent::Tellings>);

/// Why a library could not be told. What was done is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum TellingError {
    /// A thread could not be made to do it.
    #[error(transparent)]
    Hands(#[from] HandsError),
    /// It does not want to.
    #[error("{function} of {library} failed for what is at {address:#x}")]
    Unwilling {
        /// Its file's name.
        library: String,
        /// What was called.
        function: &'static str,
        /// What it was told by.
        address: u64,
    },
}

/// The images of a process, and the new release's types.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    /// The new release as its start-up left it.
    pub new: &'a Process,
    /// The new image.
    pub merged: &'a Process,
    /// The new release's debug info.
    pub table: &'a Table,
}

impl Tellings {
    /// What the libraries of a plan are to be told.
    ///
    /// # Errors
    /// What cannot be told, in words. Nothing is touched.
    pub fn of(adapted: &[Adapted], images: Images<'_>) -> Result<Tellings, Vec<String>> {
        let mut tellings = Tellings::default();
        let mut refused = Vec::new();
        let mut known = BTreeSet::new();
        // Several libraries of one package are told by the same objects: once.
        for adapted in adapted.iter().filter(|adapted| known.insert(&adapted.adapter)) {
            match adapted.told_by {
                Some("event") => match libevent::Tellings::of(adapted, images) {
                    Ok(told) => tellings.0.push(told),
                    Err(reasons) => refused.extend(reasons),
                },
                _ => refused.push(format!(
                    "{}: the rules say `adapter {}`, and there is no adapter of that name",
                    adapted.library, adapted.adapter
                )),
            }
        }
        if refused.is_empty() { Ok(tellings) } else { Err(refused) }
    }

    /// Tells it, by calls of a held thread of the process, with the registers of the new release's main thread.
    ///
    /// # Errors
    /// [`TellingError`]
    pub fn tell(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        main: &Registers,
        journal: &mut Journal,
    ) -> Result<(), TellingError> {
        self.0.iter().try_for_each(|tellings| tellings.tell(hands, thread, main, journal))
    }
}
