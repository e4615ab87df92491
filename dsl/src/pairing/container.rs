//! Generic containers: a `void *` with the number of elements and the size of one beside it. When the elements' type changes the stored
//! size has to follow, and no declaration says which types they are.

use super::place::members as list;
use super::said::spelt;
use super::{About, Asked, PairId, Pairing, Place, Question};
use crate::rules::{Fact, Reading, Rules};
use mcrx_debuginfo::table::{Encoding, Kind, Type};

/// A container is little more than these three; what has more members than this is something else.
const MOST_MEMBERS: usize = 8;

/// Asks about each container that nothing is said of, if any type of another size could be in it.
pub(super) fn ask(pairing: &mut Pairing<'_>, rules: &Rules) {
    let is_resized = |pair: &super::TypePair<'_>| {
        pair.made.iter().any(|made| pair.old.first().is_some_and(|old| old.size() != made.ty.size()))
    };
    if !pairing.types.iter().any(is_resized) {
        return;
    }
    let mut found = Vec::new();
    for (pair, id) in pairing.types.iter().zip(0..) {
        let Some(old) = pair.old.first() else { continue };
        let Some((elements, asked)) = elements(*old) else { continue };
        let is_said = pair.rule.is_some()
            || rules.facts.iter().any(|fact| match &fact.is {
                Fact::Container(container) => is_of(&container.owner.is.name, pair.name, *old),
                // `field ngx_array_t.elts : infer[nelts] stride size`
                Fact::Field { owner, paths, reading } => {
                    is_of(&owner.is.name, pair.name, *old)
                        && paths.iter().any(|path| spelt(&path.is.steps) == elements.path)
                        && matches!(reading.is, Reading::Array { stride: Some(_), .. })
                }
                _ => false,
            });
        if !is_said {
            found.push((PairId(id), (elements, asked)));
        }
    }
    for (id, (elements, asked)) in found {
        let question =
            Question { about: About::Pair(id), asked, old: Some(elements), new: None, is_in_hole: false };
        pairing.questions.push(question);
    }
}

fn is_of(name: &str, pair: &str, old: Type<'_>) -> bool {
    name == pair || old.name() == Some(name)
}

/// The pointer to the elements of what looks like a container.
fn elements(ty: Type<'_>) -> Option<(Place<'_>, Asked<'_>)> {
    let mut members = list(ty, "");
    // The first elements are often described by a structure inside: `part.elts`.
    let inner: Vec<Place<'_>> = members
        .iter()
        .filter(|place| place.resolved().is_some_and(|ty| matches!(ty.kind(), Kind::Aggregate)))
        .flat_map(|place| {
            place.resolved().map(|ty| list(ty, &format!("{}.", place.path))).unwrap_or_default()
        })
        .collect();
    members.extend(inner);
    let is_void = |place: &&Place<'_>| match place.resolved().map(Type::kind) {
        Some(Kind::Pointer(below)) => below.is_none_or(|below| below.resolved().is_none()),
        _ => false,
    };
    let is_integer = |place: &Place<'_>| {
        matches!(place.resolved().map(Type::kind), Some(Kind::Base(Encoding::Signed | Encoding::Unsigned)))
    };
    let has = |words: &[&str]| {
        let fits =
            |place: &&Place<'_>| is_integer(place) && words.iter().any(|word| place.path.contains(word));
        members.iter().find(fits).map(|place| place.path.as_str())
    };
    let size = has(&["elsize", "elt_size", "elem_size", "element_size", "item_size", "itemsize", "stride"])
        .or_else(|| {
        members.iter().find(|place| is_integer(place) && place.path == "size").map(|_| "size")
    })?;
    let count = has(&["nelt", "nelem", "count", "nitems", "nalloc", "num"])?;
    let mut pointers = members.iter().filter(is_void);
    let pointer = pointers.next()?;
    let asked = Asked::Container { count: count.to_owned(), stride: size.to_owned() };
    (size != count && members.len() <= MOST_MEMBERS && pointers.next().is_none())
        .then(|| (pointer.clone(), asked))
}
