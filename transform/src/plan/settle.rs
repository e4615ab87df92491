//! The rule that settles a conflict: one that can be pasted into a rule file as it stands.
//!
//! It is the best guess, by what debug info, sites and the old process's words tell; a person decides whether it is right. What can mean several
//! things has a comment. Where only more than one statement would do, or waiting, there is none.
//!
//! What it does not do: repeat a conflict's advice.

use super::Scene;
use super::codes::Code;
use super::conflict::{Conflict, Hint};
use super::libraries::has_adapter;
use super::objects::disagreement;
use super::told::Subject;
use crate::map::Lost;
use crate::side::Spot;
use mcrx_debuginfo::table::{Kind, Type, Variable};
use mcrx_dsl::generate::{Answers, is_name, numbers, quoted, zero};
use mcrx_dsl::pairing::Place;
use mcrx_dsl::propose::{self, Proposal};
use mcrx_tracer::graph::{Node, Pin, PinnedBy};
use mcrx_tracer::roots::RootKind;
use std::cell::OnceCell;

/// Types that are offered where several would fit.
const MOST: usize = 4;

/// Knows what it takes for all conflicts of a plan.
pub(super) struct Settler<'s, 'a> {
    scene: &'s Scene<'a>,
    answers: Answers<'s, 'a>,
    /// What may be pointers: looked for if it is asked about.
    pins: OnceCell<Vec<Pin>>,
}

impl<'s, 'a> Settler<'s, 'a> {
    pub(super) fn new(scene: &'s Scene<'a>) -> Settler<'s, 'a> {
        let answers = Answers { old: scene.now.table, new: scene.new.table, pairing: scene.pairing };
        Settler { scene, answers, pins: OnceCell::new() }
    }

    /// The statement. `None`: there is none.
    pub(super) fn rule(&self, conflict: &Conflict, subject: &Subject<'_, 'a>) -> Option<String> {
        match (conflict.code, &conflict.hint) {
            (Code::Question, _) => match subject.question {
                Some(question) => self.union_by_tag(subject).or_else(|| self.answers.to(question)),
                None => self.drain(subject),
            },
            (Code::Value, Hint::Failed { is_absence, is_too_large }) => {
                self.value(conflict, subject, (*is_absence, *is_too_large))
            }
            (Code::Pointer, Hint::Leads(old, why)) => self.pointer(conflict, subject, (*old, *why)),
            (Code::Pinned, _) => self.unpinned(conflict.address),
            (Code::Room, _) => self.filled(conflict.address, subject).or_else(|| self.drain(subject)),
            (Code::Untyped, _) => self.untyped(conflict.address),
            (Code::Unpaired, Hint::None) => match subject.types.0 {
                Some(ty) if subject.variables.0.is_none() => {
                    let name = self.answers.old_name(ty)?;
                    Some(format!("type {name} drop    // what they hold is given up"))
                }
                Some(_) => None,
                None => self.site(conflict.address, None),
            },
            (Code::Unpaired, Hint::MadeTwice) => self.site(conflict.address, subject.types.0),
            (Code::Opaque, Hint::Library(file)) => {
                has_adapter(file).then(|| format!("adapter {}", library(file)))
            }
            (Code::Opaque, _) => self.site(conflict.address, None),
            (Code::ThreadLocal, _) => match subject.variables {
                (Some(old), None) => {
                    Some(format!("global {} drop    // what it holds is given up", self.answers.name(old)))
                }
                (Some(_), Some(new)) => Some(format!(
                    "global {} keep new    // what it holds is given up",
                    self.answers.name(new)
                )),
                _ => None,
            },
            (Code::Variable, _) => Some(self.answers.gone(subject.variables.0?)),
            (Code::Overwritten, Hint::Made(number)) => self.inserted(*number),
            _ => None,
        }
    }

    fn drain(&self, subject: &Subject<'_, 'a>) -> Option<String> {
        let name = self.answers.old_name(subject.types.0?)?;
        Some(format!("drain {name} within 10s    // it waits until none of these lives"))
    }

    /// A union with a tag beside it.
    fn union_by_tag(&self, subject: &Subject<'_, 'a>) -> Option<String> {
        let question = subject.question.filter(|question| question.asked.is_union())?;
        let (outer, place) = (subject.types.0?, question.old.as_ref()?);
        let ty = self.scene.now.trace.model.number_of(self.scene.now.place, outer.id())?;
        let spot = self.scene.now.trace.model.spot(ty, place.offset())?;
        propose::by_a_tag(&spot)
    }

    fn value(
        &self,
        conflict: &Conflict,
        subject: &Subject<'_, 'a>,
        (is_absence, is_too_large): (bool, bool),
    ) -> Option<String> {
        let (old, new) = (subject.types.0?, subject.types.1?);
        let (_, pair) = self.scene.pairing.of_old(old)?;
        let path = conflict.member.split_once('[').map_or(conflict.member.as_str(), |(array, _)| array);
        let place = Place::named(new, path)?;
        let has_old = Place::named(old, path).is_some();
        let line = match (is_too_large, is_absence && has_old) {
            (true, true) => format!("{path} = clamp(old.{path})    // the nearest that fits"),
            (_, true) => format!("{path} = old.{path} else {}", zero(&place)),
            _ => format!("{path} = {}", zero(&place)),
        };
        self.answers.members(pair, &[line])
    }

    fn pointer(
        &self,
        conflict: &Conflict,
        subject: &Subject<'_, 'a>,
        (old, why): (u64, Lost),
    ) -> Option<String> {
        match (why, self.scene.now.spot(old)) {
            (Lost::Function, Spot::Function { function, .. }) if is_name(function.name()) => {
                let names = self.answers.successors(function);
                if let Some((name, others)) = names.split_first() {
                    let others: String = others.iter().map(|other| format!(" or {other},")).collect();
                    let others = others.trim_end_matches(',');
                    let comment = if others.is_empty() { String::new() } else { format!("    //{others}") };
                    return Some(format!("function {} -> {name}{comment}", function.name()));
                }
            }
            (Lost::Variable, Spot::Variable { variable, .. }) => {
                let rule = self.answers.gone(variable);
                if rule.contains("->") {
                    return Some(rule);
                }
            }
            _ => {}
        }
        let own = |ty: Option<Type<'a>>, of: Option<Variable<'a>>| ty.or_else(|| of?.ty()?.resolved());
        let old = own(subject.types.0, subject.variables.0)?;
        let new = own(subject.types.1, subject.variables.1)?;
        let (_, pair) = self.scene.pairing.of_old(old)?;
        let path = conflict.member.trim_start_matches(|letter: char| "[]0123456789.".contains(letter));
        let path = path.split_once('[').map_or(path, |(array, _)| array);
        let place = Place::named(new, path)?;
        self.answers.members(pair, &[format!("{path} = {}    // or what has come for it", zero(&place))])
    }

    /// How the words are to be read that lead into a block.
    fn unpinned(&self, address: u64) -> Option<String> {
        let trace = self.scene.now.trace;
        let (number, _) = trace.blocks.at(address)?;
        let pins = trace.graph.pins(&trace.input(), &trace.marked, |block| block == number);
        pins.iter().find_map(|pin| propose::proposal(trace, pin).rule)
    }

    fn untyped(&self, address: u64) -> Option<String> {
        let (number, _) = self.scene.now.trace.blocks.at(address)?;
        match disagreement(self.scene, number) {
            // Which of the pointers is to be believed nothing tells.
            Some(_) => self.unpinned(address),
            None => self.site(address, None),
        }
    }

    /// A site whose blocks such objects fill.
    fn filled(&self, address: u64, subject: &Subject<'_, 'a>) -> Option<String> {
        let ty = subject.types.0?;
        let (number, _) = self.scene.now.trace.blocks.at(address)?;
        let block = self.scene.now.trace.blocks.get(number)?;
        let is_filled = block.requested.checked_rem(ty.size()?) == Some(0);
        if is_filled && self.scene.now.trace.marked.ty(number).is_none() {
            self.site(address, Some(ty))
        } else {
            None
        }
    }

    /// The function that decides what a block is, if a statement can name it.
    fn maker(&self, number: u32) -> Option<String> {
        let site = self.scene.now.trace.blocks.get(number)?.site?;
        let trace = self.scene.now.trace;
        let last = trace.known.sites.get(site)?.frames().last()?;
        let address = trace.process.frame_address(&last)?;
        let is_own =
            trace.process.module_at(address).is_some_and(|one| std::ptr::eq(one, self.scene.now.program));
        let (name, _) = trace.known.debug.function(trace.process, address.checked_sub(1)?)?;
        (is_own && is_name(name)).then(|| name.to_owned())
    }

    /// What a site makes: what is known of its blocks, or a type of their size that changes.
    fn site(&self, address: u64, known: Option<Type<'a>>) -> Option<String> {
        let trace = self.scene.now.trace;
        let (number, _) = trace.blocks.at(address)?;
        let block = trace.blocks.get(number)?;
        let function = self.maker(number)?;
        if let Some(name) = known.and_then(|ty| self.answers.old_name(ty)) {
            return Some(format!("site {function} : {name}"));
        }
        let fits = |ty: Type<'_>| ty.size().is_some_and(|size| size > 0 && block.requested == size);
        let pairs = self.scene.pairing.types.iter().filter(|pair| !pair.is_same);
        let mut types: Vec<String> = pairs
            .filter_map(|pair| pair.old.first().copied())
            .filter(|ty| ty.tag().is_aggregate() && fits(*ty))
            .filter_map(|ty| self.answers.old_name(ty))
            .collect();
        types.sort();
        types.dedup();
        if let Some((first, others)) = types.split_first() {
            let others: Vec<String> = others.iter().take(MOST).map(|name| format!("or {name}")).collect();
            let comment = if others.is_empty() {
                "    // it is as large; or bytes, if it holds no pointers".to_owned()
            } else {
                format!("    // {}", others.join(", "))
            };
            return Some(format!("site {function} : {first}{comment}"));
        }
        let pins = self.pins.get_or_init(|| trace.own_pins());
        let own = pins.iter().find(|pin| pin.by == PinnedBy::Site(block.site));
        match own.map(|pin| propose::proposal(trace, pin)) {
            Some(Proposal { rule: Some(rule), .. }) => Some(rule),
            _ => Some(format!(
                "site {function} : {}",
                todo(&format!("what does it make? Of {} bytes", block.requested))
            )),
        }
    }

    /// Puts what the new start-up has made into the list that it was in: told apart from all others by a number.
    fn inserted(&self, number: u32) -> Option<String> {
        let trace = self.scene.new.trace;
        let block = trace.blocks.get(number)?;
        let ty = trace.marked.ty(number)?;
        let made = trace.model.ty(ty)?;
        let name = self.answers.new_name(self.scene.new.table.ty(made.id())?)?;
        let leads_on = |ty: Type<'_>| match ty.resolved().map(Type::kind) {
            Some(Kind::Pointer(Some(below))) => below.resolved() == made.resolved(),
            _ => false,
        };
        let via = made.members().find(|member| member.ty().is_some_and(leads_on))?.name()?;
        let steps = trace.graph.path_to(Node(number));
        let root = trace.roots.get(trace.graph.root(steps.first()?.node)?)?;
        let is_head = root.kind == RootKind::Variable
            && root.ty.and_then(|ty| trace.model.ty(ty)).is_some_and(leads_on);
        if !is_head {
            return None;
        }
        let value = |side: &crate::side::Side<'_>, address: u64, (offset, size): (u64, u64)| {
            let bytes =
                side.process().memory.bytes(address.checked_add(offset)?, usize::try_from(size).ok()?)?;
            let mut word = [0; 8];
            word.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(u64::from_le_bytes(word))
        };
        let old = self.scene.pairing.of_new(self.scene.new.table.ty(made.id())?)?.1.old.first().copied();
        let (member, number_there) = numbers(made).into_iter().find_map(|(member, offset, size)| {
            let own = value(&self.scene.new, block.address, (offset, size))?;
            let is_other = |side: &crate::side::Side<'_>, ty: Type<'_>, place: (u64, u64)| {
                let of_type = side.trace.blocks.iter().filter(|(other, at)| {
                    let is_it = side.trace.marked.ty(*other).and_then(|ty| side.trace.model.ty(ty));
                    is_it.and_then(Type::resolved).is_some_and(|is| is.id() == ty.id())
                        && at.address != block.address
                });
                let mut same = of_type.filter(|(_, at)| value(side, at.address, place) == Some(own));
                same.next().is_none()
            };
            let before = old.and_then(|ty| Some((ty, Place::named(ty, member)?)));
            let is_told = before.is_none_or(|(ty, place)| {
                is_other(&self.scene.now, ty, (place.offset(), place.size().unwrap_or(size)))
            });
            (is_told && is_other(&self.scene.new, made, (offset, size))).then_some((member, own))
        })?;
        let letter =
            name.chars().next().filter(char::is_ascii_alphabetic).unwrap_or('o').to_ascii_lowercase();
        Some(format!(
            "for each {name} {letter} where {letter}.{member} == {number_there} {{\n    insert {letter} into {} at tail via {via}\n}}",
            root.name
        ))
    }
}

fn todo(question: &str) -> String {
    format!("todo {}", quoted(question))
}

/// `libevent` of `libevent-2.1.so.7`: the beginning by which an adapter goes.
fn library(file: &str) -> String {
    let name = file.split(".so").next().unwrap_or(file);
    let name = name.split_once('-').map_or(name, |(name, _)| name);
    if is_name(name) { name.to_owned() } else { quoted(name) }
}
