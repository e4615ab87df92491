//! The descriptors of a process that goes on as its next release.
//!
//! The old process's own win: they carry the connections.
//!
//! * [`read()`]: what a process has open.
//! * [`clients()`]: how many of it came from outside.
//! * [`StartUp`]: which of it its start-up has made.
//! * [`matches()`]: which of it means the same in both releases.
//! * [`Merge`]: what becomes of it, or what stands in the way; doing it, and taking it back.

mod clients;
mod epoll;
mod matching;
mod merge;
mod mounts;
mod read;
mod registrar;
mod socket;
mod start_up;

pub use clients::clients;
pub use epoll::{Change, Watch};
pub use matching::{Matches, Pair, matches};
pub use merge::{Conflict, Merge, MergeError, Report};
pub use read::{Files, read};
pub use start_up::StartUp;
