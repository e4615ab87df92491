//! How many sites have a type, and why the others have none.

use mcrx_debuginfo::sites::{Confidence, Site, Untyped, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Sites, counted.
#[derive(Debug, Default, Serialize)]
pub(super) struct Totals {
    sites: u64,
    typed: u64,
    certain: u64,
    probable: u64,
    /// Calls in wrappers: their callers decide.
    deeper: u64,
    /// By reason.
    untyped: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(super) fn add(&mut self, site: Site<'_>) {
        self.sites += 1;
        match site.verdict() {
            Verdict::Typed { confidence, .. } => {
                self.typed += 1;
                match confidence {
                    Confidence::Certain => self.certain += 1,
                    Confidence::Probable => self.probable += 1,
                }
            }
            Verdict::Deeper => self.deeper += 1,
            Verdict::Untyped(reason) => *self.untyped.entry(why(reason).0).or_default() += 1,
        }
    }
}

/// A reason in a word that stays the same from release to release, and for people.
pub(super) fn why(reason: Untyped) -> (&'static str, &'static str) {
    match reason {
        Untyped::NoDebugInfo => ("no_debug_info", "in functions without debug info"),
        Untyped::Bytes => ("bytes", "go to char * only"),
        Untyped::Nowhere => ("nowhere", "go nowhere that has a type"),
        Untyped::Disagree => ("disagree", "go to places that disagree"),
        Untyped::WrongSize => ("wrong_size", "have a size that does not fit"),
        Untyped::PerhapsLarger => ("perhaps_larger", "have a size that also fits a larger type"),
        Untyped::Weak => ("weak", "are only handed to functions"),
        Untyped::Carved => ("carved", "are carved up behind a header"),
        Untyped::NotReached => ("not_reached", "are in code that no path was found to"),
        Untyped::TooLarge => ("too_large", "are in functions too large to follow"),
    }
}

const ALL: [Untyped; 10] = [
    Untyped::Bytes,
    Untyped::Nowhere,
    Untyped::Disagree,
    Untyped::WrongSize,
    Untyped::PerhapsLarger,
    Untyped::Weak,
    Untyped::Carved,
    Untyped::NotReached,
    Untyped::TooLarge,
    Untyped::NoDebugInfo,
];

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { typed, certain, probable, deeper, untyped, .. } = self;
        let none: u64 = untyped.values().sum();
        writeln!(out, "{typed} typed: {certain} certain, {probable} probable")?;
        writeln!(out, "{deeper} in functions that hand on what they allocate")?;
        write!(out, "{none} untyped")?;
        for (code, shown) in ALL.map(why) {
            if let Some(count) = untyped.get(code) {
                write!(out, "\n{count:>6} {shown}")?;
            }
        }
        Ok(())
    }
}
