//! The random bytes that a server's start-up draws from the kernel.
//!
//! Hash tables that start-up makes are hashed by a seed that each start draws by lot. Were the next release's start-up to draw another one, nothing
//! that is carried over would be found in its tables. So `mcrx run` records what a start-up draws ([`recorder`]), and the next release's start-up,
//! which happens in a shadow, is given the same bytes ([`crate::shadow`]).
//!
//! A draw is known by who draws, whence, and how many bytes were asked for; of those that are alike the order counts. So another release may draw
//! more, or less, without the rest being given to the wrong one. What was not recorded is drawn anew, and is recorded then.
//!
//! ```text
//!   getrandom(2)                              whence: Call
//!   read(2), pread(2), readv(2), preadv(2)    whence: Device, if it is /dev/random or /dev/urandom, by whatever path it was opened
//! ```
//!
//! The bytes are secrets of the server's: the file is its owner's only.
//!
//! What it does not see: getrandom by the vDSO (Linux 6.11 with glibc 2.41), the processor's own instruction, the sixteen bytes that the kernel
//! puts on each new stack (`AT_RANDOM`), and seeds that are made of the time.

mod call;
pub mod recorder;

pub(crate) use call::{CALLS, Drawing};
pub use recorder::{Gate, Recorder};

use serde::{Deserialize, Serialize};

/// The version of the format.
pub(crate) const SCHEMA: &str = "mcrx.randomness/1";

/// All that a start-up has drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draws {
    /// `mcrx.randomness/1`
    schema: String,
    /// Why these are not all; nothing if they are.
    pub missing: Option<String>,
    /// One after the other.
    pub draws: Vec<Draw>,
}

/// Some bytes that one thread got by one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// Who.
    pub place: Place,
    /// Whence.
    pub source: Source,
    /// How many bytes were asked for.
    pub asked: u64,
    /// Those that came, in hex.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

/// A thread, as it is found again in another start of the same server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// How its process was made: from the first one, the how many-th child at each step.
    pub path: Vec<u32>,
    /// The how many-th thread that its process made; the first one is 0.
    pub thread: u32,
}

/// Where random bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A system call of their own.
    Call,
    /// `/dev/random` or `/dev/urandom`, which give the same since Linux 5.6.
    Device,
}

impl Draws {
    /// These, and no others.
    #[must_use]
    pub fn all(draws: Vec<Draw>) -> Draws {
        Draws { schema: SCHEMA.to_owned(), missing: None, draws }
    }

    /// Nothing is known, for this reason.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Draws {
        Draws { missing: Some(why.into()), ..Draws::all(Vec::new()) }
    }

    /// The version of what was read.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }
}

/// Bytes as a string of hex digits.
mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.filter(|_| rest.is_empty()).ok_or_else(|| D::Error::custom("these are no hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let place = Place { path: vec![0, 2], thread: 1 };
        let draw = Draw { place, source: Source::Device, asked: 4096, bytes: vec![0, 0xFF, 7] };
        let draws = Draws::all(vec![draw]);
        let text = serde_json::to_string(&draws).unwrap();
        assert!(text.contains("\"00ff07\"") && text.contains("\"device\""), "{text}");
        assert_eq!(serde_json::from_str::<Draws>(&text).unwrap(), draws);
        assert!(serde_json::from_str::<Draws>(&text.replace("00ff07", "00f+07")).is_err());
    }
}
