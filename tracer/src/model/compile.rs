//! From a type to its pointer map.

use super::told::{self, Extent, Sort, Told};
use super::{Dead, InUse, Item, Model, PointerMap, Tail, Ty, What};
use crate::facts::{Array, Choice, Path, Reading, Step};
use mcrx_debuginfo::table::{Count, Encoding, Kind, Member, Tag, Type};

/// How deep members and elements are looked into. Real types are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 64;
/// Most items of one map: an array that would need more is repeated.
const MOST_ITEMS: usize = 1 << 16;
/// Elements of an array are listed one by one as long as they have no more items than this together.
const UNROLLED: u64 = 64;
/// Bytes of a word: of a pointer.
const WORD: u64 = 8;

pub(super) fn compile(model: &Model<'_>, ty: Ty) -> PointerMap {
    let Some(described) = model.ty(ty) else { return PointerMap::default() };
    let Some((table, _)) = model.home(model.plain(ty)) else { return PointerMap::default() };
    let mut compiler = Compiler::new(model, table, model.place_of_variant(ty));
    compiler.add(described, 0, DEEPEST);
    let tail = compiler.tail(described, 0, DEEPEST);
    let Compiler { mut items, told, scratch, .. } = compiler;
    items.sort_by_key(|item| item.offset);
    if !scratch.is_empty() {
        items.insert(0, Item { offset: 0, what: What::Scratch });
    }
    PointerMap { size: described.size().unwrap_or(0), items, tail, told, scratch }
}

/// An object that has members: its type, and where it begins.
#[derive(Clone, Copy)]
struct Owner<'t> {
    ty: Type<'t>,
    base: u64,
}

/// What a fact about an object says of the inside of one of its members.
#[derive(Clone, Copy)]
struct Inside<'t> {
    /// Which object it is about.
    owner: Owner<'t>,
    /// Names from here on.
    rest: &'t str,
    reading: &'t Reading,
}

struct Compiler<'m, 't> {
    model: &'m Model<'t>,
    table: usize,
    /// By its place among the facts.
    variant: Option<usize>,
    items: Vec<Item>,
    told: Vec<Told>,
    scratch: Vec<Dead>,
    /// A fact about pointers to this is being read: what it calls declared is a pointer to it, and none about pointers is asked for.
    pointee: Option<Ty>,
    /// What facts about objects around this one say of it.
    inside: Vec<Inside<'t>>,
}

impl<'m, 't> Compiler<'m, 't> {
    fn new(model: &'m Model<'t>, table: usize, variant: Option<usize>) -> Compiler<'m, 't> {
        let (items, told, scratch, inside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Compiler { model, table, variant, items, told, scratch, pointee: None, inside }
    }

    /// For elements or members that are looked at by themselves first.
    fn apart(&self) -> Compiler<'m, 't> {
        Compiler { inside: self.inside.clone(), ..Compiler::new(self.model, self.table, self.variant) }
    }

    fn put(&mut self, offset: u64, what: What) {
        if self.items.len() < MOST_ITEMS {
            self.items.push(Item { offset, what });
        }
    }

    fn put_told(&mut self, offset: u64, sort: Sort) {
        if let Ok(place) = u32::try_from(self.told.len()) {
            self.told.push(Told(sort));
            self.put(offset, What::Told(place));
        }
    }

    /// A type's number, as one of this variant if it has it.
    fn number(&self, ty: Type<'_>) -> Option<Ty> {
        let number = self.model.number(self.table, ty)?;
        Some(self.model.in_variant(number, self.variant).unwrap_or(number))
    }

    /// The names by which facts speak of a type, the most particular first.
    fn names(&self, ty: Type<'_>) -> Vec<&'t str> {
        let Some(number) = self.model.number(self.table, ty) else { return Vec::new() };
        let variant = self.variant.filter(|_| ty.tag().is_aggregate());
        let variant = self.model.in_variant(number, variant).and_then(|number| self.model.variant(number));
        let variant = variant.map(|variant| variant.name.as_str());
        variant.into_iter().chain(self.model.names(number)).collect()
    }

    fn add(&mut self, ty: Type<'t>, offset: u64, deeper: u32) {
        let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
        match ty.kind() {
            Kind::Pointer(target) => self.add_pointer(ty, target, offset, deeper),
            Kind::Base(encoding) => self.add_base(ty, encoding, offset),
            Kind::Aggregate => {
                let owner = Owner { ty, base: offset };
                self.add_scratch(owner);
                self.add_members(owner, ty, offset, deeper);
            }
            Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
                self.add_array(element, count, offset, deeper);
            }
            Kind::Unknown => {
                if let Some(len) = ty.size().filter(|len| *len >= WORD) {
                    self.put(offset, What::Likely { len });
                }
            }
            // Numbers, offsets, and what has no size.
            Kind::Enumeration(_)
            | Kind::PointerToMember(_)
            | Kind::Array { .. }
            | Kind::Function(_)
            | Kind::Typedef(_)
            | Kind::Qualified(_) => {}
        }
    }

    /// A pointer, unless a fact about pointers to its type says something else.
    fn add_pointer(&mut self, ty: Type<'t>, target: Option<Type<'t>>, offset: u64, deeper: u32) {
        let target = target.and_then(Type::resolved);
        let number = target.and_then(|target| self.number(target));
        match target.zip(number).and_then(|(target, number)| Some((self.pointer_fact(target)?, number))) {
            None => {
                let what = match target.map(Type::kind) {
                    Some(Kind::Pointer(Some(below))) if self.says_nothing(below) => {
                        What::Opaque { mask: u64::MAX }
                    }
                    _ => self.pointer(target, u64::MAX),
                };
                self.put(offset, what);
            }
            Some((reading, number)) => self.read_pointer(reading, number, ty, offset, deeper),
        }
    }

    /// Whether facts say that pointers to a type tell nothing: then what points to such a pointer does not either.
    fn says_nothing(&self, ty: Type<'_>) -> bool {
        ty.resolved().is_some_and(|ty| matches!(self.pointer_fact(ty), Some(Reading::Opaque)))
    }

    /// What a fact says of pointers to a type, wherever they are.
    fn pointer_fact(&self, target: Type<'_>) -> Option<&'t Reading> {
        let facts = self.model.facts();
        if facts.pointers.is_empty() || self.pointee.is_some() {
            return None;
        }
        self.names(target).iter().find_map(|name| facts.pointer(name))
    }

    fn read_pointer(&mut self, reading: &'t Reading, to: Ty, ty: Type<'t>, offset: u64, deeper: u32) {
        self.pointee = Some(to);
        self.read(reading, None, ty, offset, deeper);
        self.pointee = None;
    }

    fn pointer(&self, target: Option<Type<'t>>, mask: u64) -> What {
        let Some(target) = target.and_then(Type::resolved) else { return What::Opaque { mask } };
        let is_bytes = matches!(target.kind(), Kind::Base(_)) && target.size() == Some(1);
        match target.kind() {
            Kind::Function(_) => What::Function,
            Kind::Unknown => What::Opaque { mask },
            // That it is one of several says nothing of what is there: often only as much as that one needs was allocated.
            Kind::Aggregate if target.tag() == Tag::Union => What::Opaque { mask },
            _ if is_bytes || target.size().is_none_or(|size| size == 0) => What::Opaque { mask },
            _ => match self.number(target) {
                Some(to) => What::Precise { to, mask },
                None => What::Opaque { mask },
            },
        }
    }

    fn add_base(&mut self, ty: Type<'t>, encoding: Encoding, offset: u64) {
        let is_integer = matches!(encoding, Encoding::Signed | Encoding::Unsigned | Encoding::Other);
        if let (true, Some(len @ (WORD | 16))) = (is_integer, ty.size()) {
            self.put(offset, What::Likely { len });
        }
    }

    /// Members of an object, or of an anonymous one in it. `owner`: the object that has a name.
    fn add_members(&mut self, owner: Owner<'t>, ty: Type<'t>, offset: u64, deeper: u32) {
        if ty.tag() == Tag::Union || ty.members().any(|member| member.variant().is_some()) {
            self.add_union(owner, ty, offset, deeper);
        } else {
            for member in ty.members() {
                self.add_member(owner, member, offset, deeper);
            }
        }
    }

    fn add_member(&mut self, owner: Owner<'t>, member: Member<'t>, base: u64, deeper: u32) {
        let (None, Some(ty)) = (member.bit_size(), member.ty()) else { return };
        let Some(offset) = base.checked_add(member.offset()) else { return };
        if let Some((reading, owner)) = self.reading(owner, member) {
            self.read(reading, Some(owner), ty, offset, deeper);
            return;
        }
        let Some(deeper) = deeper.checked_sub(1) else { return };
        match (member.name(), ty.resolved()) {
            (None, Some(ty)) if ty.tag().is_aggregate() && !member.is_base() => {
                self.add_members(owner, ty, offset, deeper);
            }
            (name, _) => {
                let inside = name.map_or(Vec::new(), |name| self.inside_of(owner, name));
                let before = std::mem::replace(&mut self.inside, inside);
                self.add(ty, offset, deeper);
                self.inside = before;
            }
        }
    }

    /// What facts say of the inside of a member.
    fn inside_of(&self, owner: Owner<'t>, member: &str) -> Vec<Inside<'t>> {
        let facts = self.model.facts();
        let within = |path: &'t str| path.strip_prefix(member)?.strip_prefix('.');
        let around =
            self.inside.iter().filter_map(|known| Some(Inside { rest: within(known.rest)?, ..*known }));
        if !facts.fields.iter().any(|fact| within(&fact.field).is_some()) {
            return around.collect();
        }
        let owners = self.names(owner.ty);
        let own =
            facts.fields.iter().filter(|fact| owners.contains(&fact.owner.as_str())).filter_map(|fact| {
                Some(Inside { owner, rest: within(&fact.field)?, reading: &fact.reading })
            });
        // What is said from further outside comes last, and counts.
        own.chain(around).collect()
    }

    /// What facts say of a member, and about which object that is said. What they say of one of an anonymous union's is about the union.
    fn reading(&self, owner: Owner<'t>, member: Member<'t>) -> Option<(&'t Reading, Owner<'t>)> {
        let facts = self.model.facts();
        if facts.fields.is_empty() {
            return None;
        }
        let owners = self.names(owner.ty);
        let said = |field: &str| {
            let around = self.inside.iter().rev().find(|known| known.rest == field);
            let own = || owners.iter().find_map(|owner| facts.field(owner, field));
            around.map(|known| (known.reading, known.owner)).or_else(|| Some((own()?, owner)))
        };
        match (member.name(), member.ty().and_then(Type::resolved)) {
            (Some(name), _) => said(name),
            (None, Some(union)) if union.tag() == Tag::Union => {
                union.fields().iter().find_map(|(_, member)| said(member.name()?))
            }
            (None, _) => None,
        }
    }

    /// What lies at an offset, as a fact says. `ty`: what it is declared to be.
    fn read(
        &mut self,
        reading: &'t Reading,
        owner: Option<Owner<'t>>,
        ty: Type<'t>,
        offset: u64,
        deeper: u32,
    ) {
        let inside = std::mem::take(&mut self.inside);
        self.read_as(reading, owner, ty, offset, deeper);
        self.inside = inside;
    }

    fn read_as(
        &mut self,
        reading: &'t Reading,
        owner: Option<Owner<'t>>,
        ty: Type<'t>,
        offset: u64,
        deeper: u32,
    ) {
        let Some(deeper) = deeper.checked_sub(1) else { return };
        match reading {
            Reading::NotAPointer => {}
            Reading::Opaque => self.put(offset, What::Opaque { mask: u64::MAX }),
            Reading::Retained => self.put(offset, What::Retained),
            Reading::To(name) => self.put_to(name, u64::MAX, offset, deeper),
            Reading::TaggedTo { bits, to } => self.put_to(to, !bits, offset, deeper),
            Reading::Tagged(bits) => match (self.pointee, ty.resolved().map(Type::kind)) {
                (Some(to), _) => self.put(offset, What::Precise { to, mask: !bits }),
                (None, Some(Kind::Pointer(target))) => {
                    let what = self.pointer(target, !bits);
                    self.put(offset, what);
                }
                (None, _) => self.put(offset, What::Opaque { mask: !bits }),
            },
            Reading::Conservative => {
                let len = self.pointee.map_or(ty.size().unwrap_or(0), |_| WORD);
                self.put(offset, What::Likely { len });
            }
            Reading::AsDeclared => match self.pointee {
                Some(to) => self.put(offset, What::Precise { to, mask: u64::MAX }),
                None => self.add(ty, offset, deeper),
            },
            Reading::Member(path) => self.read_member(path, ty, offset, deeper),
            Reading::Array(array) => self.read_array(array, owner, ty, offset, deeper),
            Reading::Match(choice) => self.read_choice(choice, owner, ty, offset, deeper),
            Reading::InVariant { variant, reading } => {
                let place = self.model.place_of_variant_named(variant).or(self.variant);
                let before = std::mem::replace(&mut self.variant, place);
                self.read(reading, owner, ty, offset, deeper);
                self.variant = before;
            }
        }
    }

    /// A pointer to a type that a fact names. What a fact says of all pointers to it holds for it too.
    fn put_to(&mut self, name: &str, mask: u64, offset: u64, deeper: u32) {
        let Some(to) = self.model.named(name) else { return self.put(offset, What::Opaque { mask }) };
        let ty = self.model.ty(to).filter(|_| mask == u64::MAX);
        match ty.and_then(|ty| Some((self.pointer_fact(ty)?, ty))) {
            Some((reading, ty)) => self.read_pointer(reading, to, ty, offset, deeper),
            None => self.put(offset, What::Precise { to, mask }),
        }
    }

    /// A member of a union or structure, and nothing else of it.
    fn read_member(&mut self, path: &Path, ty: Type<'t>, offset: u64, deeper: u32) {
        let mut owner = Owner { ty, base: offset };
        let mut steps = path.steps.iter().peekable();
        while let Some(Step::Member(name)) = steps.next() {
            let found = owner.ty.resolved().and_then(|ty| Some((ty, ty.field(name)?)));
            let Some((ty, (bits, member))) = found else { break };
            let Some(at) = owner.base.checked_add(bits / 8) else { return };
            if steps.peek().is_none() {
                let owner = Owner { ty, ..owner };
                return self.add_field(owner, member, at, deeper);
            }
            let Some(below) = member.ty() else { break };
            owner = Owner { ty: below, base: at };
        }
        // There is no such member.
        self.read(&Reading::AsDeclared, None, ty, offset, deeper);
    }

    /// A member whose place is known.
    fn add_field(&mut self, owner: Owner<'t>, member: Member<'t>, offset: u64, deeper: u32) {
        let (None, Some(ty)) = (member.bit_size(), member.ty()) else { return };
        match self.reading(owner, member) {
            Some((reading, owner)) => self.read(reading, Some(owner), ty, offset, deeper),
            None => self.add(ty, offset, deeper),
        }
    }

    /// Several objects, as many as a value tells.
    fn read_array(
        &mut self,
        array: &'t Array,
        owner: Option<Owner<'t>>,
        ty: Type<'t>,
        offset: u64,
        deeper: u32,
    ) {
        let as_declared = |this: &mut Self| this.read(&Reading::AsDeclared, None, ty, offset, deeper);
        let (Some(declared), Some(owner)) = (ty.resolved(), owner) else { return as_declared(self) };
        let (below, room) = match declared.kind() {
            Kind::Array { element, count: Count::Exactly(count) } => (element, Some(count)),
            Kind::Pointer(target) => (target, None),
            // A flexible array is the tail's; what is no array reads as it is declared.
            Kind::Array { .. } => return,
            _ => return as_declared(self),
        };
        let what = self.pointer(below, u64::MAX);
        if room.is_none() && array.element.is_none() && !matches!(what, What::Precise { .. }) {
            // Of what is not said: it stays that, however much there is of it.
            return self.put(offset, what);
        }
        match (self.extent(array, owner, below), room) {
            (Some((extent, ty)), Some(room)) => self.put_told(offset, Sort::Inside { ty, extent, room }),
            (Some((extent, to)), None) => self.put_told(offset, Sort::Behind { to, extent }),
            (None, None) if array.element.is_none() => self.put(offset, what),
            (None, _) => as_declared(self),
        }
    }

    /// How many objects there are, and of which type. `below`: what an array or pointer is declared to be of.
    fn extent(&self, array: &Array, owner: Owner<'t>, below: Option<Type<'t>>) -> Option<(Extent, Ty)> {
        let element = match &array.element {
            Some(name) => self.model.named(name),
            None => below.and_then(|below| self.number(below)),
        }?;
        let size = self.model.ty(element)?.size().filter(|size| *size > 0)?;
        let is_number = |ty: Type<'_>| matches!(ty.kind(), Kind::Base(_) | Kind::Enumeration(_));
        let reach = |path: &Path| {
            let found = self.model.reach(owner.ty, owner.base, path)?;
            is_number(found.ty).then_some(found.reach)
        };
        let stride = match &array.stride {
            Some(path) => Some(reach(path)?),
            None => None,
        };
        Some((Extent { size, count: reach(&array.count)?, stride }, element))
    }

    /// One of several readings.
    fn read_choice(
        &mut self,
        choice: &'t Choice<Reading>,
        owner: Option<Owner<'t>>,
        ty: Type<'t>,
        offset: u64,
        deeper: u32,
    ) {
        let of = owner.map(|owner| (owner.ty, owner.base));
        let Some(compiled) = self.model.choice(choice, of) else {
            return self.read(&Reading::AsDeclared, owner, ty, offset, deeper);
        };
        let told::Compiled { on, arms, otherwise } = compiled;
        let mut items = |reading: &'t Reading| {
            let before = std::mem::take(&mut self.items);
            self.read(reading, owner, ty, offset, deeper);
            std::mem::replace(&mut self.items, before)
        };
        let arms = arms.into_iter().map(|(values, reading)| (values, items(reading))).collect();
        let otherwise = items(otherwise);
        let len = self.pointee.map_or(ty.size().unwrap_or(0), |_| WORD);
        self.put_told(offset, Sort::Choice { on, arms, otherwise, len });
    }

    /// Parts of an object that hold nothing live.
    fn add_scratch(&mut self, owner: Owner<'t>) {
        let facts = self.model.facts();
        if facts.scratch.is_empty() {
            return;
        }
        let names = self.names(owner.ty);
        let scratch = facts.scratch.iter().filter(|scratch| names.contains(&scratch.owner.as_str()));
        let dead = scratch.filter_map(|scratch| self.model.dead(owner.ty, owner.base, scratch));
        self.scratch.extend(dead);
    }

    /// The flexible array at the end of a type, if it has one.
    fn tail(&mut self, ty: Type<'t>, base: u64, deeper: u32) -> Option<Tail> {
        let deeper = deeper.checked_sub(1)?;
        if !matches!(ty.tag(), Tag::Structure | Tag::Class) {
            return None;
        }
        let last = ty.members().filter(|member| !member.is_base()).max_by_key(|member| member.offset())?;
        let offset = base.checked_add(last.offset())?;
        let below = last.ty()?.resolved()?;
        match below.kind() {
            Kind::Array { element: Some(element), count: Count::Open | Count::Exactly(0) } => {
                let stride = element.size().filter(|size| *size > 0)?;
                let (ty, in_use) = match self.reading(Owner { ty, base }, last) {
                    Some((Reading::NotAPointer, _)) => (self.number(element)?, InUse::Nothing),
                    Some((Reading::Array(array), owner)) => self.counted_tail(array, owner, element)?,
                    _ => (self.number(element)?, InUse::All),
                };
                let stride = self.model.ty(ty).and_then(Type::size).unwrap_or(stride);
                Some(Tail { offset, ty, stride, in_use })
            }
            Kind::Aggregate => {
                let owner = Owner { ty, base };
                self.inside = last.name().map_or(Vec::new(), |name| self.inside_of(owner, name));
                self.tail(below, offset, deeper)
            }
            _ => None,
        }
    }

    fn counted_tail(&mut self, array: &Array, owner: Owner<'t>, element: Type<'t>) -> Option<(Ty, InUse)> {
        let (Some((extent, ty)), Ok(place)) =
            (self.extent(array, owner, Some(element)), u32::try_from(self.told.len()))
        else {
            return Some((self.number(element)?, InUse::All));
        };
        self.told.push(Told(Sort::Inside { ty, extent, room: u64::MAX }));
        Some((ty, InUse::Told(place)))
    }

    /// Which member is there is not known: where they agree on a pointer it is one, elsewhere it may be.
    fn add_union(&mut self, owner: Owner<'t>, ty: Type<'t>, offset: u64, deeper: u32) {
        let mut members: Vec<(u64, Vec<Item>)> = Vec::new();
        let mut is_told = false;
        for member in ty.members() {
            let mut inner = self.apart();
            // What facts tell of members by values is for readings that have chosen one.
            inner.add_member(owner, member, offset, deeper);
            is_told |= !inner.told.is_empty();
            inner.items.sort_by_key(|item| item.offset);
            let size = member.ty().and_then(Type::size).unwrap_or(0);
            members.push((member.offset().saturating_add(size), inner.items));
        }
        members.retain(|(end, _)| *end > 0);
        if let Some(((_, first), rest)) = members.split_first()
            && rest.iter().all(|(_, items)| items == first)
            && !is_told
        {
            for item in first {
                self.put(item.offset, item.what);
            }
            return;
        }
        let holds_pointers = members.iter().any(|(_, items)| !items.is_empty());
        let len = ty.size().unwrap_or(0);
        if holds_pointers && len >= WORD {
            self.put(offset, What::Likely { len });
        }
    }

    fn add_array(&mut self, element: Type<'t>, count: u64, offset: u64, deeper: u32) {
        let Some(element) = element.resolved() else { return };
        let Some(stride) = element.size().filter(|size| *size > 0) else { return };
        if stride == 1 && matches!(element.kind(), Kind::Base(_)) {
            // A buffer: anything may have been put into it.
            if count >= WORD {
                self.put(offset, What::Likely { len: count });
            }
            return;
        }
        if !self.inside.is_empty() {
            // What is said of them is about this object: each is read as a part of it.
            for index in 0..count {
                let at = index.checked_mul(stride).and_then(|at| at.checked_add(offset));
                let Some(at) = at.filter(|_| self.items.len() < MOST_ITEMS) else { return };
                let before = self.items.len();
                self.add(element, at, deeper);
                if self.items.len() == before {
                    return;
                }
            }
            return;
        }
        let mut inner = self.apart();
        inner.add(element, 0, deeper);
        let Ok(items) = u64::try_from(inner.items.len()) else { return };
        if items == 0 {
            return;
        }
        // What values tell is counted from the start of one element.
        let is_told = !inner.told.is_empty() || !inner.scratch.is_empty();
        if items.saturating_mul(count) > UNROLLED || is_told {
            if let Some(ty) = self.number(element) {
                self.put(offset, What::Repeat { ty, count, stride });
            }
            return;
        }
        for index in 0..count {
            for item in &inner.items {
                let at =
                    index.checked_mul(stride).and_then(|at| at.checked_add(offset)?.checked_add(item.offset));
                let Some(at) = at else { return };
                self.put(at, item.what);
            }
        }
    }
}
