//! Debian source packages, from whichever mirror this machine's apt is configured for.
//!
//! ```text
//! configured   what sources.list, *.list and *.sources say          text  -> entries
//! derived      deb-src repositories of the suites we want           entries -> repositories
//! private      an apt of our own that reads only those              repositories -> signed indexes, files
//! index        source packages in a Sources index                   text  -> packages
//! ```
//!
//! No host is named here: every address comes from the machine's configuration. apt itself checks each suite's signature
//! and fetches each file by the hash in the signed index. The machine's own apt state is neither read nor written.

mod configured;
mod derived;
mod index;
mod private;

pub(crate) use index::SourcePackage;
pub(crate) use private::PrivateApt;
