//! For blocks of which nothing is known.

use super::{Leads, Proposal, quoted, spoken};
use mcrx_tracer::graph::SiteKey;
use mcrx_tracer::model::Fit;
use mcrx_tracer::trace::Trace;
use std::collections::BTreeSet;

pub(super) fn proposal(trace: &Trace<'_>, key: Option<SiteKey>, seen: &Leads) -> Proposal {
    let Some(key) = key else {
        return Proposal::advice("who made these blocks was not recorded");
    };
    let Some((function, is_own)) = function(trace, key) else {
        return Proposal::advice(format!("the code that made these blocks has no name: {seen}"));
    };
    if !is_own {
        return Proposal::advice(format!(
            "a library's own blocks, made by {function}: install its debug info"
        ));
    }
    let site = format!("site {function}");
    let types = at_their_starts(trace, key);
    if others_are_known(trace, key, function) {
        let question = quoted(&format!("it makes blocks of several sorts; {seen}"));
        return Proposal::rule(
            format!("{site} : todo {question}"),
            "say it of the functions that it is called by",
        );
    }
    let mut types = types.iter();
    match (types.next(), types.next()) {
        (Some(ty), None) => {
            Proposal::rule(format!("{site} : {ty}"), format!("pointers to such lead to their starts; {seen}"))
        }
        (None, _) if seen.starts.is_empty() && seen.inside > 0 => {
            Proposal::rule(format!("{site} : bytes"), format!("no word in them leads to a start: {seen}"))
        }
        (None, _) => {
            let question = quoted(&format!("what does it make? {seen}"));
            Proposal::rule(format!("{site} : todo {question}"), "nothing says what these blocks are")
        }
        (Some(one), Some(other)) => {
            let question = quoted(&format!("{one}, {other}, or what of both? {seen}"));
            Proposal::rule(format!("{site} : todo {question}"), "pointers do not agree on what is there")
        }
    }
}

/// The function that decides what a site's blocks are, and whether it is the program's.
fn function<'t>(trace: &Trace<'t>, key: SiteKey) -> Option<(&'t str, bool)> {
    let site = trace.known.sites.get(key)?;
    let last = trace.process.frame_address(&site.frames().last()?)?;
    let is_own = trace.process.module_at(last).is_some_and(|module| module.path == trace.process.executable);
    // The call is before the address that it returns to.
    let (name, _) = trace.known.debug.function(trace.process, last.checked_sub(1)?)?;
    Some((name, is_own))
}

/// What is known to lie at the first bytes of blocks of a site, where one such object, or several, fill the block.
fn at_their_starts(trace: &Trace<'_>, key: SiteKey) -> BTreeSet<String> {
    let of_site = trace.blocks.iter().filter(|(_, block)| block.site == Some(key));
    let mut types = BTreeSet::new();
    for (number, block) in of_site {
        let first = trace.marked.islands_of(number).next().filter(|(offset, _)| *offset == 0);
        if let Some((_, island)) = first
            && let Some(name) = spoken(trace.model, island.ty)
            && matches!(trace.model.fit(island.ty, block.len), Fit::Exactly(_) | Fit::WithTail)
        {
            types.insert(name);
        }
    }
    types
}

/// Whether the same function makes other blocks, of which something is known.
fn others_are_known(trace: &Trace<'_>, key: SiteKey, name: &str) -> bool {
    trace.known.sites.all().any(|(other, _)| {
        other != key
            && trace.by_site.given(Some(other)).is_some()
            && function(trace, other).is_some_and(|(function, _)| function == name)
    })
}
