//! The words of an object that are or may be pointers, by walking its type member by member, for every object anew.

use super::Twin;
use super::values::{Answer, Ground, Owner};
use crate::facts::{Array, Choice, Path, Reading, Step};
use crate::model::Ty;
use mcrx_debuginfo::table::{Count, Encoding, Kind as Form, Member, Tag, Type};
use std::ops::Range;
use std::rc::Rc;

/// How deep members are looked into.
const DEEPEST: u32 = 64;

/// How something is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A pointer to so many objects of this type. `None`: to one, as its declaration says.
    To(Ty, Option<u32>),
    /// A pointer to no type that is said.
    Open,
    /// A pointer to what it keeps alive without reading it.
    Keeps,
    /// A pointer to code.
    Code,
    /// One word that may be a pointer, aligned or not.
    Maybe,
    /// So many bytes, each aligned word of which may be a pointer.
    Bytes(u64),
}

/// A word, and where it is: in bytes from the start of the ground. `mask` has the bits of it that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) at: u64,
    pub(super) mask: u64,
    pub(super) word: Word,
}

impl<'a> Twin<'a> {
    /// What an object holds.
    pub(super) fn items(&self, ty: Ty, at: u64, ground: Ground<'_>) -> Vec<Item> {
        let shifted = |items: &[Item]| items.iter().map(|item| Item { at: item.at + at, ..*item }).collect();
        if let Some(known) = self.fixed.borrow().get(&ty) {
            return shifted(known);
        }
        let Some(described) = self.input.model.ty(ty) else { return Vec::new() };
        let mut walk = Walk::new(self, ground, self.variant_of(ty));
        walk.walk(described, at, DEEPEST);
        if walk.depends {
            return walk.live();
        }
        let items: Vec<Item> = walk.items.iter().map(|item| Item { at: item.at - at, ..*item }).collect();
        let all = shifted(&items);
        self.fixed.borrow_mut().insert(ty, Rc::new(items));
        all
    }

    /// Where nothing is live, as an object at the start of the ground says.
    pub(super) fn dead_in(&self, ty: Ty, ground: Ground<'_>) -> Vec<Range<u64>> {
        let mut walk = Walk::new(self, ground, self.variant_of(ty));
        self.input.model.ty(ty).into_iter().for_each(|ty| walk.walk(ty, 0, DEEPEST));
        walk.dead
    }

    /// Whether facts say of objects of a type that a part of them holds nothing live.
    pub(super) fn has_room(&self, ty: Ty) -> bool {
        let nothing = Ground { address: 0, bytes: &[] };
        let mut walk = Walk::new(self, nothing, self.variant_of(ty));
        self.input.model.ty(ty).into_iter().for_each(|ty| walk.walk(ty, 0, DEEPEST));
        walk.has_room
    }

    /// What the flexible array of an object at the start of the ground holds.
    pub(super) fn tail_items(&self, ty: Ty, ground: Ground<'_>) -> Vec<Item> {
        let Some(described) = self.input.model.ty(ty) else { return Vec::new() };
        let Some((chain, member, element)) = flexible(described) else { return Vec::new() };
        let Some((owner, _)) = chain.last().copied() else { return Vec::new() };
        let mut walk = Walk::new(self, ground, self.variant_of(ty));
        // Scratch of the object may reach into it.
        walk.walk(described, 0, DEEPEST);
        walk.items.clear();
        for (owner, last) in chain.iter().take(chain.len() - 1) {
            walk.around = walk.within(*owner, last.name().unwrap_or_default());
        }
        let start = owner.at + member.offset();
        let len = u64::try_from(ground.bytes.len()).unwrap_or(0);
        let room = |size: u64| len.saturating_sub(start).checked_div(size).unwrap_or(0);
        let declared = walk.number(element);
        let said = walk.reading(owner, member);
        walk.around.clear();
        match said {
            Some((Reading::NotAPointer, _)) => {}
            Some((Reading::Array(array), owner)) => match walk.extent(array, owner, Some(element)) {
                Some((of, size, Answer::Is(count))) => {
                    walk.elements(of, start, count.min(room(size)), DEEPEST)
                }
                Some((.., Answer::Unknown)) => walk.put(start, Word::Bytes(len.saturating_sub(start))),
                Some((.., Answer::Meaningless)) | None => {
                    let size = element.size().unwrap_or(0);
                    declared.into_iter().for_each(|of| walk.elements(of, start, room(size), DEEPEST));
                }
            },
            _ => {
                let size = element.size().unwrap_or(0);
                declared.into_iter().for_each(|of| walk.elements(of, start, room(size), DEEPEST));
            }
        }
        walk.live()
    }

    /// Whether a type ends with a flexible array.
    pub(super) fn has_tail(&self, ty: Ty) -> bool {
        self.input.model.ty(ty).and_then(flexible).is_some()
    }
}

/// The flexible array member at the end of a structure, of what it is, and the structures that it is the end of with their last members,
/// from the outermost to the one that it is a member of.
type Flexible<'a> = (Vec<(Owner<'a>, Member<'a>)>, Member<'a>, Type<'a>);

fn flexible(ty: Type<'_>) -> Option<Flexible<'_>> {
    let mut owner = Owner { ty, at: 0 };
    let mut chain = Vec::new();
    for _ in 0..DEEPEST {
        if !matches!(owner.ty.tag(), Tag::Structure | Tag::Class) {
            return None;
        }
        let last = owner.ty.members().filter(|member| !member.is_base()).max_by_key(|m| m.offset())?;
        let below = last.ty()?.resolved()?;
        chain.push((owner, last));
        if let Form::Array { element: Some(element), count: Count::Open | Count::Exactly(0) } = below.kind() {
            return Some((chain, last, element)).filter(|_| element.size().is_some_and(|size| size > 0));
        }
        owner = Owner { ty: below, at: owner.at + last.offset() };
    }
    None
}

struct Walk<'w, 'a> {
    twin: &'w Twin<'a>,
    ground: Ground<'w>,
    variant: Option<usize>,
    items: Vec<Item>,
    /// Where nothing is live.
    dead: Vec<Range<u64>>,
    /// There is such a part, wherever it is.
    has_room: bool,
    /// A fact about pointers to this is being read.
    pointee: Option<Ty>,
    /// What facts about objects around this one say: of which object, at which names from here on, and what.
    around: Vec<(Owner<'a>, Vec<&'a str>, &'a Reading)>,
    /// Something was looked up in the process: another object of the type may read otherwise.
    depends: bool,
    /// The same, outside of arrays.
    told: bool,
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(twin: &'w Twin<'a>, ground: Ground<'w>, variant: Option<usize>) -> Walk<'w, 'a> {
        let (items, dead, around) = (Vec::new(), Vec::new(), Vec::new());
        Walk {
            twin,
            ground,
            variant,
            items,
            dead,
            has_room: false,
            pointee: None,
            around,
            depends: false,
            told: false,
        }
    }

    fn live(mut self) -> Vec<Item> {
        let base = self.ground.address;
        if !self.dead.is_empty() {
            let mut items = Vec::new();
            for item in self.items {
                match item.word {
                    // Word for word: some may be dead.
                    Word::Bytes(len) => {
                        let first = base.wrapping_add(item.at).next_multiple_of(8).wrapping_sub(base);
                        let mut at = first;
                        while at + 8 <= item.at + len {
                            items.push(Item { at, word: Word::Bytes(8), ..item });
                            at += 8;
                        }
                    }
                    _ => items.push(item),
                }
            }
            items.retain(|item| !self.dead.iter().any(|dead| dead.contains(&base.wrapping_add(item.at))));
            self.items = items;
        }
        self.items
    }

    fn put(&mut self, at: u64, word: Word) {
        self.items.push(Item { at, mask: u64::MAX, word });
    }

    fn number(&self, ty: Type<'a>) -> Option<Ty> {
        self.twin.number_of(ty, self.variant)
    }

    fn walk(&mut self, ty: Type<'a>, at: u64, deeper: u32) {
        let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
        let size = ty.size().unwrap_or(0);
        match ty.kind() {
            Form::Pointer(target) => self.pointer(ty, target, at, deeper),
            Form::Base(Encoding::Signed | Encoding::Unsigned | Encoding::Other)
                if size == 8 || size == 16 =>
            {
                self.put(at, Word::Bytes(size));
            }
            Form::Unknown if size >= 8 => self.put(at, Word::Bytes(size)),
            Form::Aggregate => {
                let owner = Owner { ty, at };
                let names = self.names(ty);
                for scratch in &self.twin.input.model.facts().scratch {
                    if names.contains(&scratch.owner) {
                        self.depends = true;
                        self.has_room |= self.twin.is_meant(self.ground, owner, scratch);
                        self.dead.extend(self.twin.dead(self.ground, owner, scratch));
                    }
                }
                self.members(owner, ty, at, deeper);
            }
            Form::Array { element: Some(element), count: Count::Exactly(count) } => {
                let stride = element.size().unwrap_or(0);
                let is_byte = element.resolved().is_some_and(|e| matches!(e.kind(), Form::Base(_)));
                match (is_byte && stride == 1, stride) {
                    (true, _) if count >= 8 => self.put(at, Word::Bytes(count)),
                    (true, _) | (_, 0) => {}
                    _ => (0..count).for_each(|index| self.element(element, at + index * stride, deeper)),
                }
            }
            _ => {}
        }
    }

    /// One of an array: what is dead in it, and what it is told by, is its own affair.
    fn element(&mut self, ty: Type<'a>, at: u64, deeper: u32) {
        let mut inner = Walk::new(self.twin, self.ground, self.variant);
        inner.around = self.around.clone();
        inner.walk(ty, at, deeper);
        self.depends |= inner.depends;
        self.told |= !self.around.is_empty() && inner.told;
        self.items.extend(inner.live());
    }

    /// So many of a type, as far as there are bytes; of bytes, words.
    fn elements(&mut self, of: Ty, at: u64, count: u64, deeper: u32) {
        let Some(ty) = self.twin.input.model.ty(of) else { return };
        let size = ty.size().unwrap_or(0).max(1);
        if size == 1 && self.twin.is_number(of) {
            return self.put(at, Word::Bytes(count));
        }
        let len = u64::try_from(self.ground.bytes.len()).unwrap_or(0);
        let variant = std::mem::replace(&mut self.variant, self.twin.variant_of(of));
        let places = (0..count).map(|index| at.saturating_add(index.saturating_mul(size)));
        places.take_while(|at| *at < len).for_each(|at| self.element(ty, at, deeper));
        self.variant = variant;
    }

    fn names(&self, ty: Type<'a>) -> Vec<String> {
        let Some(number) = self.twin.number_of(ty, None) else { return Vec::new() };
        let variant = self.variant.filter(|variant| {
            ty.tag().is_aggregate() && self.twin.number_of(ty, Some(*variant)) != Some(number)
        });
        let variant = variant.and_then(|place| self.twin.input.model.facts().variants.get(place));
        let own = self.twin.names.get(&number).into_iter().flatten().cloned();
        variant.map(|variant| variant.name.clone()).into_iter().chain(own).collect()
    }

    fn pointer(&mut self, ty: Type<'a>, target: Option<Type<'a>>, at: u64, deeper: u32) {
        let target = target.and_then(Type::resolved);
        let number = target.and_then(|target| self.number(target));
        if let Some((target, number)) = target.zip(number)
            && let Some(reading) = self.about_pointers(target)
        {
            self.pointee = Some(number);
            self.read(reading, None, ty, at, deeper);
            self.pointee = None;
            return;
        }
        let word = match target.map(Type::kind) {
            Some(Form::Pointer(Some(below))) if self.says_nothing(below) => Word::Open,
            _ => self.declared(target),
        };
        self.put(at, word);
    }

    /// Whether facts say that pointers to a type tell nothing.
    fn says_nothing(&self, ty: Type<'a>) -> bool {
        ty.resolved().is_some_and(|ty| matches!(self.about_pointers(ty), Some(Reading::Opaque)))
    }

    fn about_pointers(&self, target: Type<'a>) -> Option<&'a Reading> {
        let facts = self.twin.input.model.facts();
        let names = if self.pointee.is_none() { self.names(target) } else { Vec::new() };
        names.iter().find_map(|name| facts.pointer(name))
    }

    /// What a pointer is by its declaration alone.
    fn declared(&self, target: Option<Type<'a>>) -> Word {
        let Some(target) = target.and_then(Type::resolved) else { return Word::Open };
        match target.kind() {
            Form::Function(_) => Word::Code,
            Form::Unknown => Word::Open,
            _ if target.tag() == Tag::Union => Word::Open,
            Form::Base(_) if target.size() == Some(1) => Word::Open,
            _ if target.size().unwrap_or(0) == 0 => Word::Open,
            _ => self.number(target).map_or(Word::Open, |to| Word::To(to, None)),
        }
    }

    fn members(&mut self, owner: Owner<'a>, ty: Type<'a>, at: u64, deeper: u32) {
        let is_union = ty.tag() == Tag::Union || ty.members().any(|member| member.variant().is_some());
        if !is_union {
            ty.members().for_each(|member| self.member(owner, member, at, deeper));
            return;
        }
        let mut each: Vec<Vec<Item>> = Vec::new();
        let mut is_told = false;
        for member in ty.members() {
            let mut inner = Walk::new(self.twin, self.ground, self.variant);
            inner.around = self.around.clone();
            inner.member(owner, member, at, deeper);
            self.depends |= inner.depends;
            is_told |= inner.told;
            inner.items.sort_by_key(|item| item.at);
            if member.offset() + member.ty().and_then(Type::size).unwrap_or(0) > 0 {
                each.push(inner.items);
            }
        }
        if !is_told && each.windows(2).all(|pair| pair[0] == pair[1]) {
            self.items.extend(each.into_iter().next().unwrap_or_default());
        } else if (is_told || each.iter().any(|items| !items.is_empty())) && ty.size().unwrap_or(0) >= 8 {
            self.put(at, Word::Bytes(ty.size().unwrap_or(0)));
        }
    }

    fn member(&mut self, owner: Owner<'a>, member: Member<'a>, base: u64, deeper: u32) {
        let (None, Some(ty)) = (member.bit_size(), member.ty()) else { return };
        let at = base + member.offset();
        if let Some((reading, owner)) = self.reading(owner, member) {
            return self.read(reading, Some(owner), ty, at, deeper);
        }
        match (member.name(), ty.resolved()) {
            (None, Some(inner)) if inner.tag().is_aggregate() && !member.is_base() => {
                self.members(owner, inner, at, deeper);
            }
            (name, _) => {
                let within = self.within(owner, name.unwrap_or_default());
                let before = std::mem::replace(&mut self.around, within);
                self.walk(ty, at, deeper);
                self.around = before;
            }
        }
    }

    /// What facts say of the inside of a member: those about the innermost object first.
    fn within(&self, owner: Owner<'a>, name: &str) -> Vec<(Owner<'a>, Vec<&'a str>, &'a Reading)> {
        let owners = self.names(owner.ty);
        let facts = self.twin.input.model.facts().fields.iter().filter(|fact| owners.contains(&fact.owner));
        let own = facts.map(|fact| (owner, fact.field.split('.').collect::<Vec<_>>(), &fact.reading));
        let all = own.chain(self.around.iter().cloned());
        let inside = all.filter(|(_, names, _)| names.len() > 1 && names.first() == Some(&name));
        inside.map(|(owner, names, reading)| (owner, names[1..].to_vec(), reading)).collect()
    }

    fn reading(&self, owner: Owner<'a>, member: Member<'a>) -> Option<(&'a Reading, Owner<'a>)> {
        let facts = self.twin.input.model.facts();
        if facts.fields.is_empty() {
            return None;
        }
        let owners = self.names(owner.ty);
        let said = |field: &str| {
            let around = self.around.iter().rev().find(|(_, names, _)| names[..] == [field]);
            if let Some((owner, _, reading)) = around {
                return Some((*reading, *owner));
            }
            Some((owners.iter().find_map(|owner| facts.field(owner, field))?, owner))
        };
        match member.name() {
            Some(name) => said(name),
            None => {
                let union = member.ty().and_then(Type::resolved).filter(|ty| ty.tag() == Tag::Union)?;
                union.fields().iter().find_map(|(_, inner)| said(inner.name()?))
            }
        }
    }

    fn read(&mut self, reading: &'a Reading, owner: Option<Owner<'a>>, ty: Type<'a>, at: u64, deeper: u32) {
        let around = std::mem::take(&mut self.around);
        self.read_as(reading, owner, ty, at, deeper);
        self.around = around;
    }

    fn read_as(
        &mut self,
        reading: &'a Reading,
        owner: Option<Owner<'a>>,
        ty: Type<'a>,
        at: u64,
        deeper: u32,
    ) {
        let Some(deeper) = deeper.checked_sub(1) else { return };
        let masked = |mask, word| Item { at, mask, word };
        let size = self.pointee.map_or(ty.size().unwrap_or(0), |_| 8);
        match reading {
            Reading::NotAPointer => {}
            Reading::Opaque => self.put(at, Word::Open),
            Reading::Retained => self.put(at, Word::Keeps),
            Reading::Conservative => self.put(at, Word::Bytes(size)),
            Reading::To(name) => self.to(name, at, deeper),
            Reading::TaggedTo { bits, to } => {
                let word = self.twin.named(to).map_or(Word::Open, |to| Word::To(to, None));
                self.items.push(masked(!bits, word));
            }
            Reading::Tagged(bits) => {
                let word = match (self.pointee, ty.resolved().map(Type::kind)) {
                    (Some(to), _) => Word::To(to, None),
                    (None, Some(Form::Pointer(target))) => self.declared(target),
                    (None, _) => Word::Open,
                };
                // Code is nowhere that pointers are followed to.
                self.items.push(masked(if word == Word::Code { u64::MAX } else { !bits }, word));
            }
            Reading::AsDeclared => match self.pointee {
                Some(to) => self.put(at, Word::To(to, None)),
                None => self.walk(ty, at, deeper),
            },
            Reading::Member(path) => self.read_member(path, ty, at, deeper),
            Reading::Array(array) => self.read_array(array, owner, ty, at, deeper),
            Reading::Match(choice) => self.read_choice(choice, owner, ty, at, deeper),
            Reading::InVariant { variant, reading } => {
                let variants = &self.twin.input.model.facts().variants;
                let place = variants.iter().position(|known| known.name == *variant).or(self.variant);
                let before = std::mem::replace(&mut self.variant, place);
                self.read(reading, owner, ty, at, deeper);
                self.variant = before;
            }
        }
    }

    fn to(&mut self, name: &str, at: u64, deeper: u32) {
        let Some(to) = self.twin.named(name) else { return self.put(at, Word::Open) };
        let target = self.twin.input.model.ty(to);
        match target.and_then(|target| Some((self.about_pointers(target)?, target))) {
            Some((reading, target)) => {
                self.pointee = Some(to);
                self.read(reading, None, target, at, deeper);
                self.pointee = None;
            }
            None => self.put(at, Word::To(to, None)),
        }
    }

    fn read_member(&mut self, path: &Path, ty: Type<'a>, at: u64, deeper: u32) {
        let mut owner = Owner { ty, at };
        for (place, step) in path.steps.iter().enumerate() {
            let Step::Member(name) = step else { break };
            let Some(structure) = owner.ty.resolved() else { break };
            let Some((bit, member)) = structure.field(name) else { break };
            let there = owner.at + bit / 8;
            if place + 1 < path.steps.len() {
                let Some(inner) = member.ty() else { break };
                owner = Owner { ty: inner, at: there };
                continue;
            }
            let (None, Some(inner)) = (member.bit_size(), member.ty()) else { return };
            let owner = Owner { ty: structure, at: owner.at };
            return match self.reading(owner, member) {
                Some((reading, owner)) => self.read(reading, Some(owner), inner, there, deeper),
                None => self.walk(inner, there, deeper),
            };
        }
        self.read(&Reading::AsDeclared, None, ty, at, deeper);
    }

    /// Element type, its size, and how many there are.
    fn extent(
        &mut self,
        array: &Array,
        owner: Owner<'a>,
        below: Option<Type<'a>>,
    ) -> Option<(Ty, u64, Answer<u64>)> {
        let of = match &array.element {
            Some(name) => self.twin.named(name),
            None => below.and_then(|below| self.number(below)),
        }?;
        let size = self.twin.input.model.ty(of)?.size().filter(|size| *size > 0)?;
        let count = self.twin.count(self.ground, owner, array, size);
        if !matches!(count, Answer::Meaningless) {
            (self.depends, self.told) = (true, true);
        }
        Some((of, size, count))
    }

    fn read_array(&mut self, array: &Array, owner: Option<Owner<'a>>, ty: Type<'a>, at: u64, deeper: u32) {
        let as_declared = |this: &mut Self| this.read(&Reading::AsDeclared, None, ty, at, deeper);
        let (Some(declared), Some(owner)) = (ty.resolved(), owner) else { return as_declared(self) };
        let (below, room) = match declared.kind() {
            Form::Array { element, count: Count::Exactly(count) } => (element, Some(count)),
            Form::Array { .. } => return,
            Form::Pointer(target) => (target, None),
            _ => return as_declared(self),
        };
        let found = self.extent(array, owner, below);
        if room.is_none() && array.element.is_none() {
            // A pointer to what is not said stays one, however much there is of it.
            let word = self.declared(below);
            if !matches!(word, Word::To(..)) {
                return self.put(at, word);
            }
        }
        match (found, room) {
            (None | Some((.., Answer::Meaningless)), None) if array.element.is_none() => {
                let word = self.declared(below);
                self.put(at, word);
            }
            (None | Some((.., Answer::Meaningless)), _) => as_declared(self),
            (Some((of, _, Answer::Is(count))), Some(room)) => self.elements(of, at, count.min(room), deeper),
            (Some((_, size, Answer::Unknown)), Some(room)) => self.put(at, Word::Bytes(size * room)),
            (Some((.., Answer::Is(0))), None) => self.put(at, Word::Open),
            (Some((of, _, Answer::Is(count))), None) => match u32::try_from(count) {
                Ok(count) => self.put(at, Word::To(of, Some(count))),
                Err(_) => self.put(at, Word::Maybe),
            },
            (Some((.., Answer::Unknown)), None) => self.put(at, Word::Maybe),
        }
    }

    fn read_choice(
        &mut self,
        choice: &'a Choice<Reading>,
        owner: Option<Owner<'a>>,
        ty: Type<'a>,
        at: u64,
        deeper: u32,
    ) {
        let here = usize::try_from(at).ok().and_then(|at| self.ground.bytes.get(at..));
        let word = here.and_then(|rest| rest.first_chunk()).map(|word| u64::from_le_bytes(*word));
        match self.twin.chosen(choice, self.ground, owner, word) {
            Answer::Meaningless => self.read(&Reading::AsDeclared, owner, ty, at, deeper),
            Answer::Is(reading) => {
                (self.depends, self.told) = (true, true);
                self.read(reading, owner, ty, at, deeper);
            }
            Answer::Unknown => {
                (self.depends, self.told) = (true, true);
                let size = self.pointee.map_or(ty.size().unwrap_or(0), |_| 8);
                self.put(at, Word::Bytes(size));
            }
        }
    }
}
