//! Values that facts speak of, found by walking names through types and memory at once.

use super::Twin;
use crate::facts::{Array, Bound, Choice, Path, Pattern, Scratch, Step, Subject, is_named};
use mcrx_debuginfo::table::{Encoding, Kind as Form, Storage, Tag, Type};
use std::ops::Range;
use std::rc::Rc;

/// The bytes that an object lies in, and where each of them is in the process.
#[derive(Clone, Copy)]
pub(super) struct Ground<'b> {
    /// Of the first byte.
    pub(super) address: u64,
    pub(super) bytes: &'b [u8],
}

/// An object: its type, and how far into the ground it begins.
#[derive(Clone, Copy)]
pub(super) struct Owner<'t> {
    pub(super) ty: Type<'t>,
    pub(super) at: u64,
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Spot {
    Ground(u64),
    Memory(u64),
}

/// A value's type and place; `None` for a place that no pointer leads to in this process.
struct Value<'t> {
    ty: Type<'t>,
    spot: Option<Spot>,
    /// Of a bit-field: the first bit, and how many.
    bits: Option<(u64, u32)>,
}

/// What became of a question.
pub(super) enum Answer<T> {
    /// The program's types have no such thing.
    Meaningless,
    /// It cannot be had.
    Unknown,
    Is(T),
}

impl<'a> Twin<'a> {
    fn load(&self, ground: Ground<'_>, spot: Spot, len: u64) -> Option<u64> {
        let len = usize::try_from(len).ok().filter(|len| (1..=8).contains(len))?;
        let bytes = match spot {
            Spot::Memory(address) => self.input.process.memory.bytes(address, len)?,
            Spot::Ground(offset) => {
                let start = usize::try_from(offset).ok()?;
                ground.bytes.get(start..start.checked_add(len)?)?
            }
        };
        Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Walks a path. `None`: there are no such members.
    fn walk_path(&self, ground: Ground<'_>, from: Type<'a>, spot: Spot, steps: &[Step]) -> Option<Value<'a>> {
        let mut value = Value { ty: from.resolved()?, spot: Some(spot), bits: None };
        for step in steps {
            if value.bits.is_some() {
                return None;
            }
            let mut is_pointed_to = false;
            if let Form::Pointer(target) = value.ty.kind() {
                let pointer =
                    value.spot.and_then(|spot| self.load(ground, spot, 8)).filter(|word| *word != 0);
                value.spot = pointer.map(Spot::Memory);
                value.ty = target?.resolved()?;
                is_pointed_to = true;
            }
            let bytes = match step {
                Step::Member(name) => {
                    let (bit, member) = value.ty.field(name)?;
                    value.bits = member.bit_size().map(|size| (bit % 8, size));
                    value.ty = member.ty()?.resolved()?;
                    bit / 8
                }
                Step::Index(index) => {
                    if !is_pointed_to {
                        let Form::Array { element, .. } = value.ty.kind() else { return None };
                        value.ty = element?.resolved()?;
                    }
                    index.checked_mul(value.ty.size()?)?
                }
            };
            value.spot = value.spot.and_then(|spot| {
                Some(match spot {
                    Spot::Ground(at) => Spot::Ground(at.checked_add(bytes)?),
                    Spot::Memory(at) => Spot::Memory(at.checked_add(bytes)?),
                })
            });
        }
        Some(value)
    }

    fn walk_global(&self, path: &Path) -> Option<Value<'a>> {
        let (Step::Member(name), rest) = path.steps.split_first()? else { return None };
        let nothing = Ground { address: 0, bytes: &[] };
        self.input.model.tables().find_map(|(table, bias)| {
            table.variables().filter(|one| one.name() == name && one.storage() == Storage::Static).find_map(
                |variable| {
                    let spot = Spot::Memory(variable.address().0.wrapping_add(bias));
                    self.walk_path(nothing, variable.ty()?, spot, rest)
                },
            )
        })
    }

    /// A value as 64 bits, with how many of them it has.
    fn number(&self, ground: Ground<'_>, value: &Value<'a>) -> Option<(u64, u32)> {
        let is_signed = match value.ty.kind() {
            Form::Base(encoding) => matches!(encoding, Encoding::Signed | Encoding::SignedChar),
            Form::Enumeration(_) => !value.ty.flags().unsigned,
            Form::Pointer(_) => false,
            _ => return None,
        };
        let whole = (0, u32::try_from(value.ty.size()?.checked_mul(8)?).ok()?);
        let (first, bits) = value.bits.unwrap_or(whole);
        if !(1..=64).contains(&bits) {
            return None;
        }
        let word = u128::from(self.load(ground, value.spot?, (first + u64::from(bits)).div_ceil(8))?);
        let mut number = (word >> first) & ((1 << bits) - 1);
        if is_signed && number >> (bits - 1) & 1 == 1 {
            number |= u128::from(u64::MAX) & !((1 << bits) - 1);
        }
        Some((u64::try_from(number).ok()?, bits))
    }

    /// How many elements a counted array has.
    pub(super) fn count(
        &self,
        ground: Ground<'_>,
        owner: Owner<'a>,
        array: &Array,
        size: u64,
    ) -> Answer<u64> {
        let integer = |path: &Path| {
            let value = self.walk_path(ground, owner.ty, Spot::Ground(owner.at), &path.steps)?;
            matches!(value.ty.kind(), Form::Base(_) | Form::Enumeration(_)).then_some(value)
        };
        let Some(count) = integer(&array.count) else { return Answer::Meaningless };
        if let Some(path) = &array.stride {
            let Some(stride) = integer(path) else { return Answer::Meaningless };
            if self.number(ground, &stride).map(|(stride, _)| stride) != Some(size) {
                return Answer::Unknown;
            }
        }
        self.number(ground, &count).map_or(Answer::Unknown, |(count, _)| Answer::Is(count))
    }

    /// What is chosen. `word`: the one that is read, where it is there.
    pub(super) fn chosen<'c, T>(
        &self,
        choice: &'c Choice<T>,
        ground: Ground<'_>,
        owner: Option<Owner<'a>>,
        word: Option<u64>,
    ) -> Answer<&'c T> {
        let found = match &choice.on {
            Subject::Bits(bits) => {
                let Some(word) = word else { return Answer::Unknown };
                let is = |pattern: &Pattern| self.is(pattern, word & bits, 64, None);
                let arm = choice.arms.iter().find(|arm| arm.when.iter().any(is));
                return Answer::Is(arm.map_or(&choice.otherwise, |arm| &arm.then));
            }
            Subject::Member(path) => {
                owner.and_then(|owner| self.walk_path(ground, owner.ty, Spot::Ground(owner.at), &path.steps))
            }
            Subject::Global(path) => self.walk_global(path),
        };
        let Some(value) = found else { return Answer::Meaningless };
        let Some((number, bits)) = self.number(ground, &value) else { return Answer::Unknown };
        let is = |pattern: &Pattern| self.is(pattern, number, bits, Some(value.ty));
        let arm = choice.arms.iter().find(|arm| arm.when.iter().any(is));
        Answer::Is(arm.map_or(&choice.otherwise, |arm| &arm.then))
    }

    fn is(&self, pattern: &Pattern, value: u64, bits: u32, ty: Option<Type<'a>>) -> bool {
        let bare = |value: u64| u128::from(value) & ((1u128 << bits) - 1);
        match (pattern, ty) {
            (Pattern::Number(number), _) => {
                number.cast_unsigned() == value || u128::from(number.cast_unsigned()) == bare(value)
            }
            (Pattern::Bits { mask, value: wanted }, _) => value & mask == *wanted,
            (Pattern::Name(name), Some(ty)) => {
                let key = (name.clone(), self.number_of(ty, None));
                let known = self.values.borrow().get(&key).cloned();
                let known = known.unwrap_or_else(|| Rc::new(self.stands_for(name, ty)));
                self.values.borrow_mut().entry(key).or_insert_with(|| Rc::clone(&known));
                known.iter().any(|known| bare(*known) == bare(value))
            }
            (Pattern::Name(_), None) => false,
        }
    }

    /// All that a name may mean beside a value of a type.
    fn stands_for(&self, name: &str, ty: Type<'a>) -> Vec<u64> {
        let constants = |ty: Type<'a>| {
            let named: Vec<u64> = ty
                .enumerators()
                .filter(|constant| is_named(name, constant.name))
                .map(|constant| constant.value.cast_unsigned())
                .collect();
            named
        };
        match ty.kind() {
            Form::Enumeration(_) => return constants(ty),
            Form::Base(_) => {
                let all = self.input.model.tables().flat_map(|(table, _)| table.types());
                return all.filter(|ty| ty.tag() == Tag::Enumeration).flat_map(constants).collect();
            }
            _ => {}
        }
        let mut addresses = Vec::new();
        for (table, bias) in self.input.model.tables() {
            for function in table.functions().filter(|one| is_named(name, one.name())) {
                addresses.extend(function.code().map(|(start, _)| start.0.wrapping_add(bias)));
            }
            for variable in table.variables().filter(|one| is_named(name, one.name())) {
                if variable.storage() == Storage::Static {
                    addresses.push(variable.address().0.wrapping_add(bias));
                }
            }
        }
        addresses
    }

    /// Whether a type has what a fact says of where its objects hold nothing live.
    pub(super) fn is_meant(&self, ground: Ground<'_>, owner: Owner<'a>, scratch: &Scratch) -> bool {
        let walk = |path: &Path| self.walk_path(ground, owner.ty, Spot::Ground(owner.at), &path.steps);
        let is_meant = |bound: &Bound| match bound {
            Bound::EndOfBlock => true,
            Bound::Pointer(path) => {
                walk(path).is_some_and(|value| matches!(value.ty.kind(), Form::Pointer(_)))
            }
            Bound::Element { array, index } => {
                let element = walk(array).and_then(|array| match array.ty.kind() {
                    Form::Pointer(target) => Some(target),
                    Form::Array { element, .. } => Some(element),
                    _ => None,
                });
                let size = element.and_then(|element| element.map_or(Some(1), Type::size));
                size.is_some() && walk(index).is_some()
            }
        };
        is_meant(&scratch.from) && is_meant(&scratch.to)
    }

    /// Where, by a fact, nothing is live.
    pub(super) fn dead(&self, ground: Ground<'_>, owner: Owner<'a>, scratch: &Scratch) -> Option<Range<u64>> {
        let walk = |path: &Path| self.walk_path(ground, owner.ty, Spot::Ground(owner.at), &path.steps);
        let address = |value: &Value<'a>| match value.spot? {
            Spot::Ground(at) => ground.address.checked_add(at),
            Spot::Memory(at) => Some(at),
        };
        let end = |bound: &Bound| match bound {
            Bound::EndOfBlock => Some(u64::MAX),
            Bound::Pointer(path) => {
                let value = walk(path)?;
                let is_pointer = matches!(value.ty.kind(), Form::Pointer(_));
                self.number(ground, &value).map(|(word, _)| word).filter(|word| is_pointer && *word != 0)
            }
            Bound::Element { array, index } => {
                let (array, index) = (walk(array)?, walk(index)?);
                let (element, start) = match array.ty.kind() {
                    Form::Pointer(target) => (target, self.number(ground, &array).map(|(word, _)| word)),
                    Form::Array { element, .. } => (element, address(&array)),
                    _ => return None,
                };
                let size = element.map_or(Some(1), Type::size)?;
                let (index, _) = self.number(ground, &index)?;
                start.filter(|start| *start != 0)?.checked_add(index.checked_mul(size)?)
            }
        };
        let (from, to) = (end(&scratch.from)?, end(&scratch.to)?);
        (from <= to).then_some(from..to)
    }
}
