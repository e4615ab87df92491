//! The rule that would remove a pin: what can be told from the types around it, and from what its words lead to.
//!
//! A proposal is text that parses as one statement. Where only a person can know, it has a `todo` with what is known; such a statement
//! changes nothing until the question is answered. What no statement can speak of (registers, stacks and data without debug info) has
//! advice instead.
//!
//! What it does not do: prove that a proposal is right. A word that looked like a pointer may be one in another process.

mod field;
mod site;

use mcrx_tracer::graph::{Pin, PinnedBy};
use mcrx_tracer::model::{Model, Spot, Ty};
use mcrx_tracer::trace::Trace;

/// What would remove a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// A statement. `None`: there is none that could.
    pub rule: Option<String>,
    /// For people: why, what is known, or what else to do.
    pub why: String,
}

impl Proposal {
    fn rule(rule: String, why: impl Into<String>) -> Proposal {
        Proposal { rule: Some(rule), why: why.into() }
    }

    fn advice(why: impl Into<String>) -> Proposal {
        Proposal { rule: None, why: why.into() }
    }
}

/// What would remove a pin of a trace.
pub fn proposal(trace: &Trace<'_>, pin: &Pin) -> Proposal {
    let seen = seen(trace, pin);
    let spot = place(trace, pin).and_then(|(ty, offset)| trace.model.spot(ty, offset));
    match (&pin.by, spot) {
        (PinnedBy::Field { disagreeing, .. }, Some(spot)) => {
            field::proposal(trace, pin, &spot, *disagreeing, &seen)
        }
        (PinnedBy::Field { ty, disagreeing: true, .. }, None) => field::of_pointers(trace, *ty, &seen),
        (PinnedBy::Field { .. }, None) => Proposal::advice(format!("{seen}; what it is in has no name")),
        (PinnedBy::Site(site), _) => site::proposal(trace, *site, &seen),
        // A variable whose type is a structure is spoken of like any other object of it.
        (PinnedBy::Root(_), Some(spot)) => field::proposal(trace, pin, &spot, false, &seen),
        (PinnedBy::Root(name), None) if name.starts_with("register ") => Proposal::advice(
            "a register of a thread, which holds this for the moment: it goes with the next call",
        ),
        (PinnedBy::Root(name), None) if name.starts_with("bytes of stack") => {
            Proposal::advice("frames without debug info: install that of the libraries that they are of")
        }
        (PinnedBy::Root(name), None) if name.starts_with("data of ") => {
            let library = name.trim_start_matches("data of ");
            Proposal::advice(format!("no debug info speaks of this: install that of {library}"))
        }
        (PinnedBy::Root(_), None) => Proposal::advice(format!("{seen}; no structure around it has a name")),
    }
}

/// How a union reads that has the tag beside it which tells what it holds: constants whose names have a member's in them.
pub fn by_a_tag(spot: &Spot<'_>) -> Option<String> {
    field::by_a_tag(spot)
}

/// The typed object that one of the pinning words lies in, and how far in.
fn place(trace: &Trace<'_>, pin: &Pin) -> Option<(Ty, u64)> {
    let (node, offset) = pin.example;
    if let Some(root) = trace.graph.root(node) {
        return Some((trace.roots.get(root)?.ty?, offset));
    }
    let number = trace.graph.block(node)?;
    let len = trace.blocks.get(number)?.len;
    let object = trace.marked.object_at(trace.model, len, number, offset)?;
    Some((object.ty, object.within))
}

/// What the words of a pin lead to.
struct Leads {
    /// Types whose first bytes they lead to, by the names that rules use, with how many words do; the most frequent first.
    starts: Vec<(String, u64)>,
    /// Words that lead into the middle of something.
    inside: u64,
    /// Words that lead to the first byte of something of no known type.
    unknown: u64,
}

fn seen(trace: &Trace<'_>, pin: &Pin) -> Leads {
    let mut leads = Leads { starts: Vec::new(), inside: 0, unknown: 0 };
    for seen in &pin.seen {
        let name = seen.ty.and_then(|ty| spoken(trace.model, ty));
        match (name, seen.at_start) {
            (Some(name), true) => match leads.starts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, words)) => *words += seen.words,
                None => leads.starts.push((name, seen.words)),
            },
            (None, true) => leads.unknown += seen.words,
            (_, false) => leads.inside += seen.words,
        }
    }
    leads
}

impl Leads {
    /// Whether the words lead to where objects begin, but for a few.
    fn are_objects(&self) -> bool {
        let starts = self.starts.iter().map(|(_, words)| words).sum::<u64>() + self.unknown;
        starts > 4 * self.inside
    }

    /// The only type that is there, wherever a word leads.
    fn only(&self) -> Option<&str> {
        match &self.starts[..] {
            [(name, _)] if self.inside == 0 && self.unknown == 0 => Some(name),
            _ => None,
        }
    }
}

impl std::fmt::Display for Leads {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Types that are named.
        const MOST: usize = 4;
        let mut parts: Vec<String> =
            self.starts.iter().take(MOST).map(|(name, words)| format!("{words} to {name}")).collect();
        if self.unknown > 0 {
            parts.push(format!("{} to what has no known type", self.unknown));
        }
        if self.inside > 0 {
            parts.push(format!("{} into the middle of something", self.inside));
        }
        write!(out, "of its words {}", parts.join(", "))
    }
}

/// The name of a type as a rule speaks of it. `None`: it has none, or it is one of C's own, which say little.
fn spoken(model: &Model<'_>, ty: Ty) -> Option<String> {
    model.ty(ty)?.tag().is_aggregate().then(|| model.spoken_name(ty)).flatten()
}

/// A member as a statement begins with it.
fn member(spot: &Spot<'_>) -> String {
    format!("field {}.{}", spot.owner, spot.field)
}

/// Text for a string of the language.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
