//! Counters whose list is replaced: a pointer is gone, another one is new, and the number of what they lead to is kept. If the new list
//! begins empty, the number is wrong.

use super::place::members;
use super::{About, Asked, Body, MemberPair, Origin, PairId, Pairing, Place, Question, Type};
use mcrx_debuginfo::table::{Encoding, Kind};

/// The parts of names that say that something is counted.
const COUNTING: [&str; 8] = ["n", "num", "nr", "count", "cnt", "total", "len", "length"];

/// The shortest word that tells what is counted.
const SHORTEST: usize = 3;

/// Asks about each of them that no rule speaks of.
pub(super) fn ask(pairing: &mut Pairing<'_>) {
    let mut found = Vec::new();
    for (pair, id) in pairing.types.iter().zip(0..).filter(|(pair, _)| !pair.is_same) {
        let ([old], [made]) = (pair.old.as_slice(), pair.made.as_slice()) else { continue };
        let Body::Members(paired) = &made.body else { continue };
        let before = members(*old, "");
        let is_kept = |place: &&Place<'_>| {
            paired
                .iter()
                .any(|pair| matches!(&pair.origin, Origin::Old { from, .. } if from.path == place.path))
        };
        let gone = before.iter().filter(|place| is_pointer(place) && !is_kept(place));
        for gone in gone {
            let is_new = |pair: &&MemberPair<'_>| {
                let from_old = matches!(pair.origin, Origin::Old { .. });
                !from_old && is_pointer(&pair.to) && !before.iter().any(|old| old.path == pair.to.path)
            };
            let Some(added) = paired.iter().filter(is_new).find(|pair| share_word(&pair.to.path, &gone.path))
            else {
                continue;
            };
            let counters = paired.iter().filter(|pair| {
                let is_silent = matches!(pair.origin, Origin::Old { is_by_rule: false, .. });
                is_silent
                    && is_integer(&pair.to)
                    && counts(&pair.to.path)
                    && share_word(&pair.to.path, &gone.path)
            });
            found.extend(counters.map(|counter| {
                let asked = Asked::Counter { gone: gone.path.clone(), added: added.to.path.clone() };
                let old = before.iter().find(|place| place.path == counter.to.path).cloned();
                Question {
                    about: About::Pair(PairId(id)),
                    asked,
                    old,
                    new: Some(counter.to.clone()),
                    is_in_hole: false,
                }
            }));
        }
    }
    pairing.questions.append(&mut found);
}

fn is_pointer(place: &Place<'_>) -> bool {
    matches!(place.resolved().map(Type::kind), Some(Kind::Pointer(_)))
}

fn is_integer(place: &Place<'_>) -> bool {
    matches!(place.resolved().map(Type::kind), Some(Kind::Base(Encoding::Signed | Encoding::Unsigned)))
}

/// `free_connection_n`, `nelts`, `conn_count`.
fn counts(name: &str) -> bool {
    let mut words = name.split('_');
    words.any(|word| COUNTING.contains(&word)) || name.starts_with('n')
}

/// `free_connections` and `free_connection_n` have two in common.
fn share_word(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        let words = name.split(['_', '.']).map(|word| word.trim_end_matches('s').to_lowercase());
        words.filter(|word| word.len() >= SHORTEST).collect()
    };
    let others = words(other);
    words(one).iter().any(|word| others.contains(word))
}
