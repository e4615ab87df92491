//! Objects put into lists: `insert c.queue into ngx_cycle.reusable`.
//!
//! Three ways in which C programs link objects are told by the types of both paths:
//!
//! ```text
//!   ring     into: a structure of the same type as the link, with next and prev     head <-> link <-> link <-> head
//!   pointer  into: a pointer to the object's type                                   first -> object -> object -> null
//!   head     into: a structure that has first, and perhaps last, of those           the same; TAILQ, STAILQ, LIST and SLIST of <sys/queue.h>
//! ```
//!
//! The link to the next object is the member called `next`, or what `via` says. A link back is kept if there is one called `prev` or `previous`. A
//! ring's head that is all zero is one of no objects.

use crate::diagnostic::Release;
use crate::eval::value::Place;
use crate::eval::{Failure, Machine, Mistake, Patch, Reason, Scalar, Shape, Value};
use crate::names;
use crate::rules::End;
use crate::source::Span;
use mcrx_debuginfo::table::{Kind, Type};
use rustc_hash::FxHashMap;

const POINTER: Scalar = Scalar { shape: Shape::Pointer, size: 8, bits: None };

/// The longest list that is gone through for its end.
const LONGEST: u64 = 1 << 24;

/// How objects are linked. Offsets count from the object or the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The head is a link as all others.
    Ring {
        /// The link to the next.
        next: u64,
        /// The link to the one before.
        previous: u64,
    },
    /// The head leads to the first.
    Chain {
        /// In the head.
        first: u64,
        /// In the head: what leads to the last.
        last: Option<(u64, Leads)>,
        /// In an object.
        next: u64,
        /// In an object: what leads to the one before.
        previous: Option<(u64, Leads)>,
    },
}

/// Where a pointer of a list leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// To an object.
    ToObject,
    /// To the pointer that leads to the next one.
    ToLink,
}

/// The last object of lists that have no pointer to it, by the head's address.
pub type Tails = FxHashMap<u64, u64>;

/// How something of a type is put into something of another. `object`: the object that has it, and where in it it is. The result's offset is
/// what pointers of the list lead to, from `what`.
pub(super) fn shape(
    what: Type<'_>,
    object: Option<(Type<'_>, u64)>,
    into: Type<'_>,
    via: Option<u64>,
    span: Span,
) -> Result<(Insertion, u64), Mistake> {
    let wrong = |why: &str| Mistake::new(span, why.to_owned());
    if what == into && what.tag().is_aggregate() {
        let next = link(what, &["next"]).filter(|(_, to)| *to == what);
        let previous = link(what, &["prev", "previous"]).filter(|(_, to)| *to == what);
        let ((next, _), (previous, _)) = next.zip(previous).ok_or_else(|| {
            wrong("a ring's links have members `next` and `prev` that lead to links of the same type")
        })?;
        return Ok((Insertion::Ring { next, previous }, 0));
    }
    let (first, element, last) = match into.kind() {
        Kind::Pointer(Some(to)) => (0, to.resolved(), None),
        Kind::Aggregate => {
            let first = link(into, &["first", "head", "tqh_first", "stqh_first", "lh_first", "slh_first"]);
            let (first, to) = first.ok_or_else(|| {
                wrong("the head of a list is a pointer, a link of the same type, or a structure with `first` or `head`")
            })?;
            (first, Some(to), leads(into, &["last", "tail", "tqh_last", "stqh_last"], to))
        }
        _ => return Err(wrong("this is no head of a list")),
    };
    let element = element.ok_or_else(|| wrong("the debug info does not say of what this is a list"))?;
    let next_names = ["next", "tqe_next", "stqe_next", "le_next", "sle_next"];
    let previous_names = ["prev", "previous", "tqe_prev", "le_prev"];
    // The object itself, or a link in it that says so by its members.
    let (holder, offset) = match object {
        _ if what == element => (element, 0),
        Some((object, offset)) if object == element => (what, offset),
        _ => return Err(wrong("the list is of objects of another type")),
    };
    let next = match via {
        Some(next) => next,
        None => {
            let found = link(holder, &next_names).filter(|(_, to)| *to == element);
            let (next, _) =
                found.ok_or_else(|| wrong("`via` has to say which member leads to the next object"))?;
            offset.saturating_add(next)
        }
    };
    let previous = leads(holder, &previous_names, element).map(|(at, how)| (offset.saturating_add(at), how));
    Ok((Insertion::Chain { first, last, next, previous }, offset))
}

/// A pointer among the members: the first of these names that there is, and what it leads to.
fn link<'t>(ty: Type<'t>, among: &[&str]) -> Option<(u64, Type<'t>)> {
    among.iter().find_map(|name| {
        let (bits, member) = ty.field(name)?;
        match member.ty()?.resolved()?.kind() {
            Kind::Pointer(to) => Some((bits / 8, to?.resolved()?)),
            _ => None,
        }
    })
}

/// The same for one that leads to an object, or to a pointer to one.
fn leads(ty: Type<'_>, among: &[&str], element: Type<'_>) -> Option<(u64, Leads)> {
    let (at, to) = link(ty, among)?;
    if to == element {
        return Some((at, Leads::ToObject));
    }
    let below = names::pointee(Some(to));
    (below == Some(element)).then_some((at, Leads::ToLink))
}

/// New memory, read and changed.
struct Links<'m, 'w> {
    machine: &'m Machine<'w>,
    apply: &'m mut dyn FnMut(Patch) -> Result<(), Failure>,
}

impl Links<'_, '_> {
    fn get(&self, at: u64) -> Result<u64, Failure> {
        let value = self.machine.load(Place { of: Release::New, address: at }, POINTER)?;
        Ok(match value {
            Value::Pointer(place) => place.address,
            _ => 0,
        })
    }

    fn set(&mut self, at: u64, to: u64) -> Result<(), Failure> {
        (self.apply)(Patch { address: at, bytes: to.to_le_bytes().to_vec() })
    }
}

impl Insertion {
    /// Puts an object of the new release into a list.
    pub fn insert(
        self,
        object: u64,
        head: u64,
        end: End,
        tails: &mut Tails,
        machine: &Machine<'_>,
        apply: &mut dyn FnMut(Patch) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut links = Links { machine, apply };
        match self {
            Insertion::Ring { next, previous } => ring(&mut links, object, head, end, (next, previous)),
            Insertion::Chain { first, last, next, previous } => {
                let chain = Chain { head, first: head.wrapping_add(first), last, next, previous };
                match end {
                    End::Head => chain.at_head(&mut links, object, tails),
                    End::Tail => chain.at_tail(&mut links, object, tails),
                }
            }
        }
    }
}

fn ring(
    links: &mut Links<'_, '_>,
    object: u64,
    head: u64,
    end: End,
    (next, previous): (u64, u64),
) -> Result<(), Failure> {
    // Nobody has made the ring yet.
    if links.get(head.wrapping_add(next))? == 0 {
        links.set(head.wrapping_add(next), head)?;
        links.set(head.wrapping_add(previous), head)?;
    }
    let (before, after) = match end {
        End::Head => (head, links.get(head.wrapping_add(next))?),
        End::Tail => (links.get(head.wrapping_add(previous))?, head),
    };
    if before == 0 || after == 0 {
        return Err(Failure::new(Reason::NullPointer));
    }
    links.set(object.wrapping_add(next), after)?;
    links.set(object.wrapping_add(previous), before)?;
    links.set(before.wrapping_add(next), object)?;
    links.set(after.wrapping_add(previous), object)
}

/// A list whose head leads to its first object.
struct Chain {
    head: u64,
    first: u64,
    last: Option<(u64, Leads)>,
    next: u64,
    previous: Option<(u64, Leads)>,
}

impl Chain {
    fn at_head(&self, links: &mut Links<'_, '_>, object: u64, tails: &mut Tails) -> Result<(), Failure> {
        let after = links.get(self.first)?;
        links.set(object.wrapping_add(self.next), after)?;
        links.set(self.first, object)?;
        if let Some((previous, how)) = self.previous {
            let nothing = if how == Leads::ToLink { self.first } else { 0 };
            links.set(object.wrapping_add(previous), nothing)?;
            if after != 0 {
                let back = if how == Leads::ToLink { object.wrapping_add(self.next) } else { object };
                links.set(after.wrapping_add(previous), back)?;
            }
        }
        if after == 0 {
            self.is_last(links, object, tails)?;
        }
        Ok(())
    }

    fn at_tail(&self, links: &mut Links<'_, '_>, object: u64, tails: &mut Tails) -> Result<(), Failure> {
        // 0: there is none yet.
        let last = self.find_last(links, tails)?;
        let link = if last == 0 { self.first } else { last.wrapping_add(self.next) };
        links.set(object.wrapping_add(self.next), 0)?;
        links.set(link, object)?;
        if let Some((previous, how)) = self.previous {
            links.set(object.wrapping_add(previous), if how == Leads::ToLink { link } else { last })?;
        }
        self.is_last(links, object, tails)
    }

    fn is_last(&self, links: &mut Links<'_, '_>, object: u64, tails: &mut Tails) -> Result<(), Failure> {
        match self.last {
            Some((last, Leads::ToObject)) => links.set(self.head.wrapping_add(last), object),
            Some((last, Leads::ToLink)) => {
                links.set(self.head.wrapping_add(last), object.wrapping_add(self.next))
            }
            None => {
                tails.insert(self.first, object);
                Ok(())
            }
        }
    }

    fn find_last(&self, links: &Links<'_, '_>, tails: &Tails) -> Result<u64, Failure> {
        match self.last {
            Some((last, Leads::ToObject)) => return links.get(self.head.wrapping_add(last)),
            Some((last, Leads::ToLink)) => {
                let link = links.get(self.head.wrapping_add(last))?;
                let is_empty = link == 0 || link == self.first;
                return Ok(if is_empty { 0 } else { link.wrapping_sub(self.next) });
            }
            None => {}
        }
        let mut last = tails.get(&self.first).copied().unwrap_or(0);
        let mut next = match last {
            0 => links.get(self.first)?,
            last => links.get(last.wrapping_add(self.next))?,
        };
        let mut steps = 0;
        while next != 0 {
            steps += 1;
            if steps > LONGEST {
                return Err(Failure::new(Reason::Endless(next)));
            }
            (last, next) = (next, links.get(next.wrapping_add(self.next))?);
        }
        Ok(last)
    }
}
