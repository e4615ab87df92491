//! What grew in a server's heap, who made it, and who holds it: for engineers who hunt growth and leaks.
//!
//! A traced process ([`mcrx_tracer::trace::Trace`]) is boiled down to an [`Index`](index::Index): 24 bytes a block, names once each. It needs
//! neither the image nor debug info any more, so several snapshots can be compared in little memory.
//!
//! ```text
//!   image --tracer--> trace --+--> index of process 4711 --+
//!                             +--> index of process 4712 --+--> snapshot A --+
//!                                                                            +--> diff: by type, by site, by owner
//!   image --tracer--> trace -----> index of process 4711 ----> snapshot B --+
//! ```
//!
//! - [`index`]: the blocks of a process, each with who made it, what it is and who holds it.
//! - [`owners`]: who holds blocks, as C would write the way to them: `server.clients->head->value`.
//! - [`diff`]: two or three snapshots compared; blocks are matched by address and generation, all else by name.
//! - [`dominators`]: what would go with a block if it went.
//! - [`retained`]: what all blocks of a type, a site or an owner keep alive.
//! - [`retainers`]: who retains most.
//! - [`suspects`]: who is leaking, most likely.
//! - [`export`]: all of it in other formats.
//! - [`report`]: all of it on one page.
//! - [`suppressions`]: leaks that are known.
//! - [`sources`]: call stacks with functions, files and lines.
//!
//! What it does not do: read processes or files, or print.

pub mod diff;
pub mod dominators;
pub mod edges;
pub mod export;
pub mod index;
pub mod owners;
pub mod report;
pub mod retained;
pub mod retainers;
pub mod sources;
pub mod suppressions;
pub mod suspects;
