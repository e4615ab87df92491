//! The values that an object holds, member by member, as its type and the facts about it say.

use super::Subject;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Encoding, Kind, Member, Tag, Type};
use mcrx_tracer::facts::{Choice, Path, Pattern, Reading, Step, Subject as Told};

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Leaf<'a> {
    /// All that is to be said of it.
    Plain(String),
    /// What it says depends on where it leads.
    Pointer(Pointer<'a>),
}

/// A pointer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointer<'a> {
    /// Without its tag.
    pub(crate) address: u64,
    /// Bits that are used for something else.
    pub(crate) tag: u64,
    pub(crate) to: Points<'a>,
    /// It leads just past what it is about.
    pub(crate) is_end: bool,
}

/// What a pointer leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Points<'a> {
    /// So many side by side.
    Objects(Type<'a>, u64),
    /// Characters up to a zero, of this type.
    Text(Type<'a>),
    Function,
    Unknown,
}

impl Leaf<'_> {
    pub(crate) fn plain(&self) -> String {
        match self {
            Leaf::Plain(text) => text.clone(),
            Leaf::Pointer(pointer) => format!("{pointer:?}"),
        }
    }
}

impl Pointer<'_> {
    /// Bytes of one of what it leads to; 0: that is not known.
    pub(crate) fn size(&self) -> u64 {
        match self.to {
            Points::Objects(ty, count) => {
                ty.size().unwrap_or(0).saturating_mul(if self.is_end { 1 } else { count })
            }
            Points::Text(_) => 1,
            Points::Function | Points::Unknown => 0,
        }
    }
}

/// Where a value was read: its first byte, and how many bits.
type From = (u64, u64);
/// Who is told of values.
pub(crate) type Each<'e, 'a> = &'e mut dyn FnMut(String, Leaf<'a>, From);

/// Goes through objects.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    pub(crate) subject: Subject<'a>,
}

/// What a path leads to: where it is, of what type, and of a bit-field its first bit and how many.
type Found<'a> = (u64, Type<'a>, Option<(u64, u64)>);

/// A structure that is gone through: where it is, and what it is.
#[derive(Clone, Copy)]
struct Owner<'a> {
    base: u64,
    ty: Type<'a>,
}

impl<'a> Walk<'a> {
    /// Objects side by side.
    pub(crate) fn elements(&self, start: u64, ty: Type<'a>, count: u64, name: &str, each: Each<'_, 'a>) {
        if is_text(ty) {
            let text = self.subject.bytes(start, count).unwrap_or_default();
            return each(name.to_owned(), Leaf::Plain(quoted(&text)), (start, count * 8));
        }
        if count == 1 {
            return self.value(start, ty, name.to_owned(), each);
        }
        let size = ty.size().unwrap_or(0);
        for index in 0..count {
            self.value(start + index * size, ty, format!("{name}[{index}]"), each);
        }
    }

    /// Bytes that an object takes, with its flexible array.
    pub(crate) fn len(&self, address: u64, ty: Type<'a>) -> u64 {
        let size = ty.size().unwrap_or(0);
        let mut end = size;
        self.value(address, ty, String::new(), &mut |_, _, (at, bits)| {
            end = end.max(at.wrapping_sub(address).saturating_add(bits.div_ceil(8)));
        });
        end
    }

    fn value(&self, at: u64, ty: Type<'a>, place: String, each: Each<'_, 'a>) {
        let Some(resolved) = ty.resolved() else { return };
        let size = resolved.size().unwrap_or(0);
        match resolved.kind() {
            Kind::Base(_) | Kind::Enumeration(_) => self.number(at, (0, size * 8), resolved, place, each),
            Kind::Pointer(target) => {
                let fact = target.and_then(|target| self.subject.facts.pointer(name_of(target)?));
                match fact {
                    Some(Reading::Tagged(bits)) => self.pointer(at, *bits, Points::at(target), place, each),
                    _ => self.pointer(at, 0, Points::at(target), place, each),
                }
            }
            Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
                if is_text(element) {
                    let bytes = self.subject.bytes(at, count);
                    let shown = bytes.map_or_else(unreadable, |bytes| {
                        let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                        quoted(&bytes[..len])
                    });
                    return each(place, Leaf::Plain(shown), (at, count * 8));
                }
                let one = element.size().unwrap_or(0);
                for index in 0..count {
                    self.value(at + index * one, element, format!("{place}[{index}]"), each);
                }
            }
            Kind::Aggregate if resolved.tag() == Tag::Union => self.raw(at, size, place, each),
            Kind::Aggregate => {
                let owner = Owner { base: at, ty };
                resolved.members().for_each(|member| self.member(owner, member, at, &place, each));
            }
            _ => {}
        }
    }

    /// A member of a structure, at `base`; `owner` is the structure that has a name, where that one has none.
    fn member(&self, owner: Owner<'a>, member: Member<'a>, base: u64, place: &str, each: Each<'_, 'a>) {
        let Some(ty) = member.ty() else { return };
        let at = base + member.offset();
        let Some(name) = member.name() else {
            let Some(inside) = ty.resolved() else { return };
            match inside.tag() {
                Tag::Union => self.raw(at, inside.size().unwrap_or(0), place.to_owned(), each),
                _ => inside.members().for_each(|member| self.member(owner, member, at, place, each)),
            }
            return;
        };
        let place = format!("{place}.{name}");
        if let Some(bits) = member.bit_size() {
            let Some(resolved) = ty.resolved() else { return };
            let first = member.bit_offset() % 8;
            return self.number(at, (first, u64::from(bits)), resolved, place, each);
        }
        let owner_name = name_of(owner.ty).unwrap_or_default();
        if self.subject.ends.iter().any(|(of, end)| of == owner_name && end == name) {
            let to = Points::of(ty.resolved().unwrap_or(ty));
            return self.end(at, to, place, each);
        }
        match self.subject.facts.field(owner_name, name) {
            Some(reading) => self.read(owner, reading, at, ty, place, each),
            None => self.value(at, ty, place, each),
        }
    }

    fn end(&self, at: u64, to: Points<'a>, place: String, each: Each<'_, 'a>) {
        self.pointer(at, 0, to, place, &mut |place, leaf, from| {
            let leaf = match leaf {
                Leaf::Pointer(pointer) => Leaf::Pointer(Pointer { is_end: true, ..pointer }),
                plain => plain,
            };
            each(place, leaf, from);
        });
    }

    /// What a fact says.
    fn read(
        &self,
        owner: Owner<'a>,
        reading: &Reading,
        at: u64,
        ty: Type<'a>,
        place: String,
        each: Each<'_, 'a>,
    ) {
        let target = match ty.resolved().map(Type::kind) {
            Some(Kind::Pointer(target)) => target,
            _ => None,
        };
        match reading {
            Reading::AsDeclared => self.value(at, ty, place, each),
            Reading::NotAPointer => self.raw(at, ty.size().unwrap_or(0), place, each),
            Reading::Opaque | Reading::Retained => self.pointer(at, 0, Points::Unknown, place, each),
            Reading::Conservative => match target {
                Some(_) => self.pointer(at, 0, Points::Unknown, place, each),
                None => self.value(at, ty, place, each),
            },
            Reading::To(name) => self.pointer(at, 0, self.named(name), place, each),
            Reading::Tagged(bits) => self.pointer(at, *bits, Points::at(target), place, each),
            Reading::TaggedTo { bits, to } => self.pointer(at, *bits, self.named(to), place, each),
            Reading::Member(path) => {
                let Some((inside, ty, _)) = self.along(Owner { base: at, ty }, path) else {
                    return each(place, Leaf::Plain("no such member".to_owned()), (at, 0));
                };
                self.value(inside, ty, format!("{place}.{path}"), each);
            }
            Reading::Array(array) => {
                let count = self.told(owner, &array.count).and_then(|(count, _)| u64::try_from(count).ok());
                let count = count.unwrap_or(0).min(1 << 16);
                if let Some(Kind::Array { element: Some(element), .. }) = ty.resolved().map(Type::kind) {
                    let one = element.size().unwrap_or(0);
                    for index in 0..count {
                        self.value(at + index * one, element, format!("{place}[{index}]"), each);
                    }
                    return;
                }
                let to = array.element.as_ref().map_or(Points::at(target), |name| self.named(name));
                let to = match to {
                    Points::Objects(ty, _) | Points::Text(ty) => Points::Objects(ty, count),
                    other => other,
                };
                self.pointer(at, 0, to, place, each);
            }
            Reading::Match(choice) => match self.chosen(owner, choice, at) {
                Some(reading) => self.read(owner, reading, at, ty, place, each),
                None => each(place, Leaf::Plain("what tells it cannot be read".to_owned()), (at, 0)),
            },
            Reading::InVariant { reading, .. } => self.read(owner, reading, at, ty, place, each),
        }
    }

    /// The reading that a value tells.
    fn chosen<'r>(&self, owner: Owner<'a>, choice: &'r Choice<Reading>, at: u64) -> Option<&'r Reading> {
        let (value, ty) = match &choice.on {
            Told::Member(path) => self.told(owner, path)?,
            Told::Global(path) => {
                let [Step::Member(name), rest @ ..] = &path.steps[..] else { return None };
                let (_, address, ty) =
                    self.subject.variables().into_iter().find(|(variable, ..)| variable == name)?;
                let variable = Owner { base: address, ty };
                self.told(variable, &Path { steps: rest.to_vec() })?
            }
            Told::Bits(bits) => {
                (i128::try_from(self.subject.number(at, 8)?).ok()? & i128::from(*bits), owner.ty)
            }
        };
        let is = |pattern: &Pattern| match pattern {
            Pattern::Number(number) => value == i128::from(*number),
            Pattern::Bits { mask, value: wanted } => value & i128::from(*mask) == i128::from(*wanted),
            Pattern::Name(name) => {
                let mut constants = ty.resolved().into_iter().flat_map(Type::enumerators);
                let is_function = || u64::try_from(value).ok().and_then(|at| self.subject.function(at));
                constants.any(|constant| constant.name == name && i128::from(constant.value) == value)
                    || is_function() == Some(name)
            }
        };
        let arm = choice.arms.iter().find(|arm| arm.when.iter().any(is));
        Some(arm.map_or(&choice.otherwise, |arm| &arm.then))
    }

    /// The number, constant or address at the end of a path.
    fn told(&self, owner: Owner<'a>, path: &Path) -> Option<(i128, Type<'a>)> {
        let (at, ty, bits) = self.along(owner, path)?;
        let bits = bits.unwrap_or((0, ty.size()? * 8));
        let number = self.bits(at, bits)?;
        Some((signed(number, bits.1, is_signed(ty.resolved()?)), ty))
    }

    /// Follows a path, through pointers as through what they point to.
    fn along(&self, owner: Owner<'a>, path: &Path) -> Option<Found<'a>> {
        let mut found = (owner.base, owner.ty, None);
        for step in &path.steps {
            let (mut at, mut ty, _) = found;
            while let Kind::Pointer(Some(target)) = ty.resolved()?.kind() {
                (at, ty) = (u64::try_from(self.subject.number(at, 8)?).ok()?, target);
            }
            found = match step {
                Step::Member(name) => member_named(ty, at, name)?,
                Step::Index(index) => match ty.resolved()?.kind() {
                    Kind::Array { element: Some(element), .. } => {
                        (at + index * element.size()?, element, None)
                    }
                    _ => (at + index * ty.size()?, ty, None),
                },
            };
        }
        Some(found)
    }

    /// The type of a name that facts use.
    fn named(&self, name: &str) -> Points<'a> {
        let bare = name.trim_end_matches('*');
        let stars = name.len() - bare.len();
        let is_whole = |ty: &Type<'_>| !ty.is_declaration() && ty.size().is_some();
        let Some(ty) = self.subject.table.types_named(bare).find(is_whole) else { return Points::Unknown };
        if stars == 0 {
            return Points::of(ty);
        }
        let is_it = |pointer: &Type<'a>| match pointer.kind() {
            Kind::Pointer(Some(target)) => target.resolved() == ty.resolved(),
            _ => false,
        };
        self.subject.table.types().find(is_it).map_or(Points::Unknown, |pointer| Points::Objects(pointer, 1))
    }

    fn pointer(&self, at: u64, tags: u64, to: Points<'a>, place: String, each: Each<'_, 'a>) {
        let word = self.subject.number(at, 8).and_then(|word| u64::try_from(word).ok());
        let leaf = match word {
            Some(word) => {
                Leaf::Pointer(Pointer { address: word & !tags, tag: word & tags, to, is_end: false })
            }
            None => Leaf::Plain(unreadable()),
        };
        each(place, leaf, (at, 64));
    }

    /// Bits of a number that begins so many bits into a byte.
    fn bits(&self, at: u64, (first, bits): (u64, u64)) -> Option<u128> {
        let number = self.subject.number(at, (first + bits).div_ceil(8).clamp(1, 16))? >> first;
        Some(if bits >= 128 { number } else { number & ((1 << bits) - 1) })
    }

    fn number(&self, at: u64, bits: (u64, u64), ty: Type<'a>, place: String, each: Each<'_, 'a>) {
        // An x87 number has ten bytes; the rest of it is padding.
        let is_x87 = matches!(ty.kind(), Kind::Base(Encoding::Float)) && bits.1 == 128;
        let bits = if is_x87 { (0, 80) } else { bits };
        let shown = self.bits(at, bits).map_or_else(unreadable, |number| match ty.kind() {
            Kind::Base(Encoding::Float) => float(number, bits.1),
            Kind::Enumeration(_) => {
                let value = signed(number, bits.1, is_signed(ty));
                let mut constants = ty.enumerators();
                let constant = constants.find(|constant| i128::from(constant.value) == value);
                constant.map_or_else(|| value.to_string(), |constant| constant.name.to_owned())
            }
            _ => signed(number, bits.1, is_signed(ty)).to_string(),
        });
        each(place, Leaf::Plain(shown), (at + bits.0 / 8, bits.1));
    }

    /// Bytes of which no more is known.
    fn raw(&self, at: u64, len: u64, place: String, each: Each<'_, 'a>) {
        let bytes =
            self.subject.bytes(at, len).map_or_else(unreadable, |bytes| format!("bytes {bytes:02x?}"));
        each(place, Leaf::Plain(bytes), (at, len * 8));
    }
}

impl<'a> Points<'a> {
    fn at(target: Option<Type<'a>>) -> Points<'a> {
        let Some(target) = target else { return Points::Unknown };
        let Some(resolved) = target.resolved() else { return Points::Unknown };
        match resolved.kind() {
            Kind::Function(_) => Points::Function,
            _ if is_text(target) => Points::Text(target),
            _ if resolved.size().is_some_and(|size| size > 0) => Points::Objects(target, 1),
            _ => Points::Unknown,
        }
    }

    /// The same of a pointer to this type.
    fn of(ty: Type<'a>) -> Points<'a> {
        match ty.kind() {
            Kind::Pointer(target) => Points::at(target),
            _ => Points::at(Some(ty)),
        }
    }
}

fn is_text(ty: Type<'_>) -> bool {
    let is_char = |ty: Type<'_>| matches!(ty.kind(), Kind::Base(Encoding::SignedChar));
    ty.resolved().is_some_and(is_char)
}

/// A structure's name, or that of the typedef that an anonymous one goes by.
fn name_of(ty: Type<'_>) -> Option<&str> {
    ty.resolved()?.name().or_else(|| ty.name())
}

pub(crate) fn spelled(ty: Type<'_>) -> String {
    type_name(Some(ty), Anonymous::LeftOut)
}

/// A member by name, also one of an anonymous structure or union inside.
fn member_named<'a>(ty: Type<'a>, base: u64, name: &str) -> Option<Found<'a>> {
    ty.resolved()?.members().find_map(|member| {
        let (at, below) = (base + member.offset(), member.ty()?);
        match member.name() {
            Some(own) if own == name => {
                let bits = member.bit_size().map(|bits| (member.bit_offset() % 8, u64::from(bits)));
                Some((at, below, bits))
            }
            Some(_) => None,
            None => member_named(below, at, name),
        }
    })
}

fn is_signed(ty: Type<'_>) -> bool {
    match ty.kind() {
        Kind::Base(Encoding::Signed | Encoding::SignedChar) => true,
        Kind::Enumeration(_) => !ty.flags().unsigned,
        _ => false,
    }
}

/// Two's complement of so many bits.
fn signed(number: u128, bits: u64, is_signed: bool) -> i128 {
    let is_negative = is_signed && (1..128).contains(&bits) && number >> (bits - 1) & 1 == 1;
    let number = number.cast_signed();
    if is_negative { number - (1 << bits) } else { number }
}

fn float(number: u128, bits: u64) -> String {
    match (bits, u32::try_from(number), u64::try_from(number)) {
        (32, Ok(bits), _) => format!("{:?} ({bits:#x})", f32::from_bits(bits)),
        (64, _, Ok(bits)) => format!("{:?} ({bits:#x})", f64::from_bits(bits)),
        _ => format!("{number:#x}"),
    }
}

pub(crate) fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", text.escape_ascii())
}

fn unreadable() -> String {
    "unreadable".to_owned()
}
