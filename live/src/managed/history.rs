//! What was tried with a server: its updates, one after the other, with what came of them.
//!
//! The last ones are kept in full, all of them are counted: a server may be updated thousands of times.

use super::record::seconds;
use crate::birth::Text;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The version of the file.
pub(super) const SCHEMA: &str = "mcrx.history/1";
/// So many are kept.
const KEPT: usize = 50;

/// All that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub(super) schema: String,
    /// How many had which outcome.
    pub counts: Counts,
    /// The last ones, the oldest first.
    pub attempts: Vec<Attempt>,
}

/// How many had which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// The server ran the other release.
    pub committed: u64,
    /// It was not touched.
    pub refused: u64,
    /// It was touched, and put back.
    pub rolled_back: u64,
    /// It was touched, and its state is not known.
    pub unknown: u64,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was over: seconds since 1970.
    pub at: u64,
    /// What it was.
    pub kind: Kind,
    /// The program that ran.
    pub from: Text,
    /// The program that was to run.
    pub to: Text,
    /// What came of it.
    pub outcome: Outcome,
    /// For how long no thread of the server executed anything; nothing if it was not held.
    pub held_ms: Option<f64>,
    /// From the beginning to the end, in milliseconds.
    pub took_ms: f64,
}

/// Which command it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `mcrx update`
    Update,
    /// `mcrx undo`
    Undo,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server runs the other release.
    Committed,
    /// It was not touched.
    Refused,
    /// It was touched, and put back.
    RolledBack,
    /// It was touched, and its state is not known.
    Unknown,
}

impl Outcome {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Committed => "committed",
            Outcome::Refused => "refused",
            Outcome::RolledBack => "rolled_back",
            Outcome::Unknown => "unknown",
        }
    }
}

impl Kind {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Update => "update",
            Kind::Undo => "undo",
        }
    }
}

impl Default for History {
    fn default() -> History {
        History { schema: SCHEMA.to_owned(), counts: Counts::default(), attempts: Vec::new() }
    }
}

impl History {
    /// One more.
    pub fn add(&mut self, attempt: Attempt) {
        let count = match attempt.outcome {
            Outcome::Committed => &mut self.counts.committed,
            Outcome::Refused => &mut self.counts.refused,
            Outcome::RolledBack => &mut self.counts.rolled_back,
            Outcome::Unknown => &mut self.counts.unknown,
        };
        *count += 1;
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(KEPT);
        self.attempts.drain(..surplus);
    }
}

impl Attempt {
    /// One that is over now.
    #[must_use]
    pub fn now(
        kind: Kind,
        (from, to): (&Path, &Path),
        outcome: Outcome,
        held: Option<Duration>,
        took: Duration,
    ) -> Attempt {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let text = |path: &Path| Text::from(path.to_owned());
        let (from, to, held_ms, took_ms) = (text(from), text(to), held.map(ms), ms(took));
        Attempt { at: seconds(), kind, from, to, outcome, held_ms, took_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_ones_are_kept() {
        let mut history = History::default();
        for number in 0..1000 {
            let outcome = if number % 2 == 0 { Outcome::Committed } else { Outcome::Refused };
            let paths = (Path::new("/a"), Path::new("/b"));
            let held = Some(Duration::from_millis(number));
            history.add(Attempt::now(Kind::Update, paths, outcome, held, Duration::from_secs(1)));
        }
        assert_eq!((history.counts.committed, history.counts.refused), (500, 500));
        assert_eq!(history.attempts.len(), KEPT);
        assert_eq!(history.attempts.last().unwrap().held_ms, Some(999.0));
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }
}
