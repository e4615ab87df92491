//! Who is leaking, most likely: what grew and does not go away again, the worst first, each in a few sentences.
//!
//! A suspect is blocks of one type with one owner, of which there are many more than before, while hardly any of the old ones were freed. What
//! is turned over at its rate (buffers, requests, a full cache) has as many freed as made; what only grew a little, for its number,
//! is a program at work. With three snapshots it must have grown from each to the next, and what was made by the second must be there in the
//! third: what filled up once, as caches do, is none.
//!
//! What a suspect's blocks hold goes with them and is no suspect of its own.

use crate::diff::{Change, Diff};
use crate::owners::{Owner, Owners};
use crate::sources::{self, Frame};
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::cmp::Reverse;

/// Fewer new blocks may be anything.
const LEAST_BLOCKS: u64 = 32;
/// Of all bytes before, by how many a suspect must have grown with what it holds: one in so many.
const LEAST_SHARE: u64 = 300;
/// Of the blocks before, by how many: one in so many. With three snapshots steady growth says more than much of it.
const LEAST_GROWTH: u64 = 10;
const LEAST_STEADY_GROWTH: u64 = 50;
/// Of the blocks that were made since, how many of the old ones may have been freed: one in so many.
const MOST_FREED: u64 = 10;
/// A later step is to grow by no less than this part of the one before: what slows down fills up.
const LEAST_STEP: u64 = 4;

/// Blocks of one type with one owner that grew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// What they are.
    #[serde(rename = "type")]
    pub ty: String,
    /// Who holds them.
    pub owner: String,
    /// Who made most of them, innermost call first.
    pub frames: Vec<Frame>,
    /// What happened to them.
    #[serde(flatten)]
    pub change: Change,
    /// By how many bytes they grew together with all that is held through them.
    pub growth_through: i128,
    /// The same for people: what grew, who holds it, who made it, since when.
    pub sentences: Vec<String>,
}

/// The suspects, the worst first. Without matched blocks there is nothing to be said.
pub fn suspects(diff: &Diff) -> Vec<Suspect> {
    if !diff.is_matched() {
        return Vec::new();
    }
    let through = diff.through_owners();
    let mut found: Vec<Candidate> = candidates(diff);
    for candidate in &mut found {
        let all = usize::try_from(candidate.owner.0).ok().and_then(|owner| through.get(owner));
        // What nothing leads to has no way, so that nothing is held through it.
        let all = all.filter(|_| diff.owners.name(candidate.owner) != Owners::NOBODY);
        candidate.growth_through = all.map_or(0, Change::growth).max(candidate.change.growth());
    }
    let least = i128::from(diff.total.bytes_before / LEAST_SHARE);
    found.retain(|candidate| candidate.growth_through >= least && candidate.grows_for_good());
    let owners: Vec<Owner> = found.iter().map(|candidate| candidate.owner).collect();
    found.retain(|candidate| !is_held_by_any(&diff.owners, candidate.owner, &owners));
    found.sort_by_key(|candidate| (Reverse(candidate.growth_through), candidate.owner, candidate.ty));
    // One owner, one suspect: of several types that it holds the one that grew most.
    let mut told = Vec::new();
    found.retain(|candidate| {
        let is_new = diff.owners.name(candidate.owner) == Owners::NOBODY || !told.contains(&candidate.owner);
        told.push(candidate.owner);
        is_new
    });
    found.iter().map(|candidate| candidate.suspect(diff)).collect()
}

struct Candidate {
    ty: u32,
    owner: Owner,
    change: Change,
    /// The site that made most of them, and how many bytes more.
    site: (u32, i128),
    growth_through: i128,
}

fn candidates(diff: &Diff) -> Vec<Candidate> {
    let mut by_key: FxHashMap<(u32, Owner), Candidate> = FxHashMap::default();
    for (group, change) in &diff.rows {
        let new = || Candidate {
            ty: group.ty,
            owner: group.owner,
            change: Change::default(),
            site: (group.site, i128::MIN),
            growth_through: 0,
        };
        let candidate = by_key.entry((group.ty, group.owner)).or_insert_with(new);
        candidate.change.add(change);
        if change.growth() > candidate.site.1 {
            candidate.site = (group.site, change.growth());
        }
    }
    by_key.into_values().collect()
}

impl Candidate {
    fn grows_for_good(&self) -> bool {
        let Change { count_before, count_after, made, freed, stayed, between, .. } = self.change;
        let (Some(made), Some(freed)) = (made, freed) else { return false };
        let growth = count_after.saturating_sub(count_before);
        let is_steady = match between.zip(stayed) {
            Some((between, stayed)) => {
                let first = between.blocks.saturating_sub(count_before);
                let second = count_after.saturating_sub(between.blocks);
                let stays = stayed.blocks + first / MOST_FREED >= first;
                if first == 0 || second < first.div_ceil(LEAST_STEP) || !stays {
                    return false;
                }
                true
            }
            None => false,
        };
        let share = if is_steady { LEAST_STEADY_GROWTH } else { LEAST_GROWTH };
        growth >= LEAST_BLOCKS && growth >= count_before / share && freed.blocks <= made.blocks / MOST_FREED
    }

    fn suspect(&self, diff: &Diff) -> Suspect {
        let name = |place: u32| usize::try_from(place).ok();
        let ty = name(self.ty).and_then(|ty| diff.types.get(ty)).cloned().unwrap_or_default();
        let frames = name(self.site.0).and_then(|site| diff.sites.get(site)).cloned().unwrap_or_default();
        let owner = diff.owners.name(self.owner);
        let sentences = self.sentences(&ty, &owner, &frames);
        Suspect { ty, owner, frames, change: self.change, growth_through: self.growth_through, sentences }
    }

    fn sentences(&self, ty: &str, owner: &str, frames: &[Frame]) -> Vec<String> {
        let Change { count_before, count_after, between, made, freed, .. } = self.change;
        let bytes = self.change.growth();
        let with = match self.growth_through {
            all if all > bytes => format!(", and {all} with what they hold"),
            _ => String::new(),
        };
        let what =
            if ty == crate::index::UNTYPED { "blocks of no known type".to_owned() } else { ty.to_owned() };
        let held = match owner {
            Owners::NOBODY => "Nothing leads to them any more: they are lost.".to_owned(),
            owner => format!("They are held by {owner}."),
        };
        let steps = match between {
            Some(between) => format!("{count_before}, then {}, now {count_after}", between.blocks),
            None => format!("{count_before} before, {count_after} now"),
        };
        let gone = match (made, freed) {
            (Some(made), Some(freed)) if freed.blocks == 0 => {
                format!("; {} were made since, and none of the old ones was freed", made.blocks)
            }
            (Some(made), Some(freed)) => {
                format!("; {} were made since, and {} of the old ones were freed", made.blocks, freed.blocks)
            }
            _ => String::new(),
        };
        vec![
            format!("{} more {what}: {bytes} bytes{with}.", count_after.saturating_sub(count_before)),
            held,
            format!("Made by {}.", sources::described(frames)),
            format!("{steps}{gone}."),
        ]
    }
}

/// Whether an owner is held by another one of these, however many steps above.
fn is_held_by_any(owners: &Owners, owner: Owner, others: &[Owner]) -> bool {
    let mut above = owners.holder(owner);
    while let Some(holder) = above {
        if others.contains(&holder) {
            return true;
        }
        above = owners.holder(holder);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Block, Group, Index, Life, Snapshot};

    /// What a snapshot has of each of four groups: nodes of `list`, their text, items of `cache`, lost blocks; from which number on, and to
    /// which.
    fn snapshot(parts: [std::ops::Range<u64>; 4]) -> Snapshot {
        let mut owners = Owners::default();
        let list = owners.start("list");
        let step = owners.member("struct node", ".text");
        let text = owners.through(list, step);
        let cache = owners.start("cache");
        let nobody = owners.start(Owners::NOBODY);
        let groups = [(0, list), (1, text), (2, cache), (3, nobody)];
        let groups = groups.map(|(ty, owner)| Group { ty, site: 0, owner }).into();
        let made = |(group, numbers): (u32, std::ops::Range<u64>)| {
            let address = move |number| (u64::from(group) << 32) | (number * 64);
            numbers.map(move |number| Block {
                address: address(number),
                bytes: 48,
                life: Life::new(1, false),
                group,
            })
        };
        let types = ["struct node", "char", "struct item", "struct thing"].map(str::to_owned).into();
        Snapshot {
            processes: vec![Index {
                blocks: (0..).zip(parts).flat_map(made).collect(),
                groups,
                types,
                sites: vec![Vec::new()],
                owners,
                ..Index::default()
            }],
        }
    }

    fn owners(diff: &Diff) -> Vec<String> {
        suspects(diff).into_iter().map(|suspect| suspect.owner).collect()
    }

    #[test]
    fn a_list_that_only_grows_is_a_suspect_with_what_it_holds() {
        let (before, after) =
            (snapshot([0..100, 0..100, 0..500, 0..0]), snapshot([0..300, 0..300, 0..500, 0..0]));
        let found = suspects(&Diff::of(&before, &after));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].owner.as_str(), found[0].ty.as_str()), ("list", "struct node"));
        assert_eq!(found[0].growth_through, 2 * 200 * 48);
        assert_eq!(found[0].sentences[0], "200 more struct node: 9600 bytes, and 19200 with what they hold.");
        assert_eq!(found[0].sentences[1], "They are held by list.");
        let counts = "100 before, 300 now; 200 were made since, and none of the old ones was freed.";
        assert_eq!(found[0].sentences[3], counts);
    }

    #[test]
    fn what_is_turned_over_is_none() {
        let (before, after) =
            (snapshot([0..100, 0..100, 0..500, 0..0]), snapshot([90..220, 90..220, 400..950, 0..0]));
        assert!(suspects(&Diff::of(&before, &after)).is_empty());
    }

    #[test]
    fn what_grew_a_little_for_its_number_is_none() {
        let (before, after) = (snapshot([0..0, 0..0, 0..9000, 0..0]), snapshot([0..0, 0..0, 0..9500, 0..0]));
        assert!(suspects(&Diff::of(&before, &after)).is_empty());
    }

    #[test]
    fn what_is_lost_is_a_suspect_whatever_else_is() {
        let (before, after) =
            (snapshot([0..100, 0..100, 0..9, 0..0]), snapshot([0..300, 0..300, 0..9, 0..50]));
        assert_eq!(owners(&Diff::of(&before, &after)), ["list", Owners::NOBODY]);
    }

    #[test]
    fn a_cache_that_filled_up_is_none_when_a_third_snapshot_shows_it() {
        let first = snapshot([0..100, 0..100, 0..0, 0..0]);
        let second = snapshot([0..200, 0..200, 0..500, 0..0]);
        let third = snapshot([0..300, 0..300, 0..510, 0..0]);
        assert_eq!(owners(&Diff::of(&first, &second)), ["cache", "list"]);
        let diff = Diff::of_three(&first, &second, &third);
        assert_eq!(owners(&diff), ["list"]);
        assert!(suspects(&diff)[0].sentences[3].starts_with("100, then 200, now 300; "));
    }

    #[test]
    fn of_two_starts_of_a_program_nothing_is_said() {
        let before = snapshot([0..100, 0..0, 0..0, 0..0]);
        let mut after = snapshot([0..300, 0..0, 0..0, 0..0]);
        after.processes[0].process.pid = 7;
        assert!(suspects(&Diff::of(&before, &after)).is_empty());
    }
}
