//! Recipes from a pairing.

use super::recipe::{Recipe, Step};
use super::{PairsOf, compiler, places};
use crate::diagnostic::Release;
use crate::eval::{Bits, Definitions, Lookup, Making, Mistake, Reason, Scalar, Sort};
use crate::names;
use crate::pairing::{
    Alternative, Body, Conversion, MemberPair, Origin, PairId, Pairing, Place, Pointee, QuestionId, TypePair,
    VariablePair,
};
use crate::rules::{Arm, Expression, Reading, Step as RuleStep, Subject};
use crate::source::At;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Kind, Tag, Type};
use rustc_hash::FxHashMap;

/// How deep structures inside of others are gone through.
const DEEPEST: u32 = 32;

/// Makes recipes, and collects what is wrong with the rules' expressions.
pub(super) struct Builder<'b, 'r, 't> {
    pairing: &'b Pairing<'t>,
    definitions: &'b Definitions<'r>,
    old: &'b Lookup<'t>,
    new: &'b Lookup<'t>,
    /// The old type that members are of.
    owner: Option<Type<'t>>,
    /// What expressions can name.
    locals: Vec<(String, Sort<'t>)>,
    pub(super) mistakes: Vec<Mistake>,
}

/// Where steps count from, in bits.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    old: u64,
    new: u64,
}

impl<'b, 'r, 't> Builder<'b, 'r, 't> {
    pub(super) fn new(
        pairing: &'b Pairing<'t>,
        definitions: &'b Definitions<'r>,
        old: &'b Lookup<'t>,
        new: &'b Lookup<'t>,
    ) -> Builder<'b, 'r, 't> {
        let (owner, locals, mistakes) = (None, Vec::new(), Vec::new());
        Builder { pairing, definitions, old, new, owner, locals, mistakes }
    }

    /// One recipe for each of the types that are made.
    pub(super) fn pair(&mut self, pair: &TypePair<'t>) -> Vec<Recipe> {
        let Some(old) = pair.old.first() else { return Vec::new() };
        self.owner = Some(*old);
        self.locals = vec![("old".to_owned(), Sort::Object(Release::Old, *old))];
        if let Some(rule) = pair.rule.filter(|_| pair.made.len() > 1) {
            let names = rule.to.iter().map(|name| name.is.symbol.name.clone());
            let made = pair.made.iter().map(|made| Sort::Object(Release::New, made.ty));
            self.locals.extend(names.zip(made));
        }
        let mut recipes = Vec::new();
        for made in &pair.made {
            let mut steps = Vec::new();
            match &made.body {
                Body::Same => self.same(*old, made.ty, Base::default(), "", &mut steps),
                Body::Members(members) => self.members(members, Base::default(), &mut steps),
                Body::Union(_) => copy(*old, made.ty, &mut steps),
                Body::Constants(constants, ..) => {
                    let values = constants_of(*old, made.ty);
                    self.constant(
                        (*old, None),
                        (made.ty, None),
                        Base::default(),
                        (values, constants.are_same()),
                        "",
                        &mut steps,
                    );
                }
                Body::Open(question) => steps.push(self.open(*question, "")),
            }
            self.members(&made.parts, Base::default(), &mut steps);
            let (places, merged) = places::of(self.pairing, pair, made);
            recipes.push(Recipe {
                name: type_name(Some(*old), Anonymous::LeftOut),
                old_size: old.size().unwrap_or(0),
                new_size: made.ty.size().unwrap_or(0),
                named: self.locals.len().saturating_sub(1),
                steps,
                places,
                merged,
            });
        }
        recipes
    }

    /// `None`: the variable stays as the new release's start-up has left it.
    pub(super) fn variable(&mut self, pair: &VariablePair<'t>) -> Option<Recipe> {
        let (new, origin) = (pair.new.as_ref()?, pair.origin.as_ref()?);
        self.owner = None;
        // One that only the new release has stands under a name that nobody can write.
        let old = pair.old.as_ref().and_then(|old| old.ty()).and_then(Type::resolved);
        self.locals = vec![old.map_or((String::new(), Sort::Never), |ty| ("old".to_owned(), sort_of(ty)))];
        let mut steps = Vec::new();
        self.origin(&pair.to, origin, Base::default(), &mut steps);
        let size = |ty: Option<Type<'t>>| ty.and_then(Type::size).unwrap_or(0);
        let old_size = size(pair.old.as_ref().and_then(|old| old.ty()));
        Some(Recipe {
            name: new.name().to_owned(),
            old_size,
            new_size: size(new.ty()),
            steps,
            ..Recipe::default()
        })
    }

    fn members(&mut self, members: &[MemberPair<'t>], base: Base, steps: &mut Vec<Step>) {
        for member in members {
            self.origin(&member.to, &member.origin, base, steps);
        }
    }

    fn origin(&mut self, to: &Place<'t>, origin: &Origin<'t>, base: Base, steps: &mut Vec<Step>) {
        match origin {
            Origin::Old { of: 0, from, conversion, is_by_rule } => {
                let old = if *is_by_rule { 0 } else { base.old };
                let base = Base { old, ..base };
                self.conversion(from, to, conversion, base, steps);
            }
            Origin::Old { .. } => {
                let reason = Reason::Impossible(
                    "which object it is merged with is known only where a rule reaches it through a member"
                        .to_owned(),
                );
                steps.push(Step::Refuse { reason, path: to.path.as_str().into() });
            }
            Origin::Set(value) => self.set(to, value, base, steps),
            Origin::Reset => steps.push(Step::Zero { path: to.path.as_str().into() }),
            Origin::Parts(members) => {
                let base = Base { new: base.new.saturating_add(to.bit_offset), ..base };
                self.members(members, base, steps);
            }
            Origin::Open(question) => steps.push(self.open(*question, &to.path)),
        }
    }

    fn open(&self, question: QuestionId, path: &str) -> Step {
        let text = self.pairing.question(question).map(|question| question.text()).unwrap_or_default();
        Step::Refuse { reason: Reason::Undecided(text), path: path.into() }
    }

    fn set(&mut self, to: &Place<'t>, value: &At<Expression>, base: Base, steps: &mut Vec<Step>) {
        let Some(ty) = to.ty else { return };
        let (offset, bits) = place(base.new, to);
        let mut pairs = PairsOf(self.pairing);
        let mut compiler = compiler(self.definitions, self.old, self.new, &mut pairs);
        for (name, sort) in &self.locals {
            compiler = compiler.with(name.clone(), sort.clone());
        }
        let path: Box<str> = to.path.as_str().into();
        // What is not said yet needs no size: of a flexible array it is the question.
        if let Expression::Hole(hole) = &value.is
            && ty.size().is_none()
        {
            steps.push(Step::Refuse { reason: Reason::Undecided(hole.why.is.clone()), path });
            return;
        }
        // A flexible array without elements.
        if value.is == Expression::Zero && ty.size().is_none() {
            return steps.push(Step::Zero { path });
        }
        match compiler.stored(value, ty, bits) {
            Ok(value) => steps.push(Step::Set { to: offset, value, path }),
            Err(mistake) => {
                let reason = Reason::Undecided(mistake.message.clone());
                steps.push(Step::Refuse { reason, path });
                self.mistakes.push(mistake);
            }
        }
    }

    fn conversion(
        &mut self,
        from: &Place<'t>,
        to: &Place<'t>,
        conversion: &Conversion<'t>,
        base: Base,
        steps: &mut Vec<Step>,
    ) {
        let (Some(old), Some(new)) = (from.ty.and_then(Type::resolved), to.ty.and_then(Type::resolved))
        else {
            return;
        };
        let (from_offset, from_bits) = place(base.old, from);
        let (to_offset, to_bits) = place(base.new, to);
        let path: Box<str> = to.path.as_str().into();
        match conversion {
            Conversion::Same | Conversion::Number { .. } => {
                let scalars = Scalar::of(old, from_bits).zip(Scalar::of(new, to_bits));
                let is_moved_only = scalars.is_none_or(|(from, to)| {
                    matches!(conversion, Conversion::Same)
                        && from.bits.is_none()
                        && to.bits.is_none()
                        && from.size == to.size
                });
                match scalars {
                    Some((from, to)) if !is_moved_only => {
                        steps.push(Step::Number { from: (from_offset, from), to: (to_offset, to), path });
                    }
                    _ => {
                        let len = old.size().unwrap_or(0).min(new.size().unwrap_or(0));
                        steps.push(Step::Copy { from: from_offset, to: to_offset, len });
                    }
                }
            }
            Conversion::Pointer(Pointee::Beside(pair, made)) => {
                let how = Making { pair: *pair, made: *made };
                steps.push(Step::Beside { from: from_offset, to: to_offset, how, path });
            }
            Conversion::Pointer(_) => {
                steps.push(Step::Pointer { from: from_offset, to: to_offset, path });
            }
            Conversion::Constants(constants, ..) => {
                let values = constants_of(old, new);
                let at = Base {
                    old: base.old.saturating_add(from.bit_offset),
                    new: base.new.saturating_add(to.bit_offset),
                };
                self.constant(
                    (old, from_bits),
                    (new, to_bits),
                    at,
                    (values, constants.are_same()),
                    &to.path,
                    steps,
                );
            }
            Conversion::Array { element, from: before, to: after } => {
                let elements = [old, new].map(|array| match array.kind() {
                    Kind::Array { element, .. } => element,
                    _ => None,
                });
                let [old_element, new_element] = elements;
                let mut inner = Vec::new();
                let whole = |ty| Place {
                    path: String::new(),
                    bit_offset: 0,
                    bit_size: None,
                    ty,
                    alternatives: Vec::new(),
                };
                self.conversion(
                    &whole(old_element),
                    &whole(new_element),
                    element,
                    Base::default(),
                    &mut inner,
                );
                let count = match (before.count, after.count) {
                    (Some(before), Some(after)) => Some(before.min(after)),
                    (Some(count), None) | (None, Some(count)) => Some(count),
                    (None, None) => None,
                };
                let (from, to) = ((from_offset, before.stride), (to_offset, after.stride));
                steps.push(array(from, to, count, inner, path));
            }
            Conversion::Pair(id) => {
                self.pair_inside((old, from_bits), (new, to_bits), *id, from, to, base, steps)
            }
            Conversion::Members(members) => {
                let inner = Base {
                    old: base.old.saturating_add(from.bit_offset),
                    new: base.new.saturating_add(to.bit_offset),
                };
                self.members(members, inner, steps);
            }
            Conversion::Union(alternatives) => {
                let at = Base {
                    old: base.old.saturating_add(from.bit_offset),
                    new: base.new.saturating_add(to.bit_offset),
                };
                let len = old.size().unwrap_or(0).min(new.size().unwrap_or(0));
                let whole = Step::Copy { from: from_offset, to: to_offset, len };
                match self.told(from) {
                    Some((path, reading)) => self.choose(path, reading, alternatives, at, whole, steps),
                    None => steps.push(whole),
                }
            }
        }
    }

    /// What a fact says of a union: by which of its names, and which member counts.
    fn told<'p>(&self, union: &'p Place<'t>) -> Option<(&'p str, &'r Reading)> {
        let owner = self.owner?;
        let mut names = std::iter::once(&union.path).chain(&union.alternatives);
        names.find_map(|path| Some((path.as_str(), self.definitions.reading(owner, path)?)))
    }

    /// The member of a union that a fact says to count, converted; for values that no arm is for, all of the union's bytes.
    fn choose(
        &mut self,
        path: &str,
        reading: &Reading,
        alternatives: &[Alternative<'t>],
        base: Base,
        whole: Step,
        steps: &mut Vec<Step>,
    ) {
        let choice = match reading {
            Reading::Match(choice) => choice,
            Reading::Member(_) => {
                let chosen = self.alternative(path, reading, alternatives, base, whole);
                return steps.extend(chosen);
            }
            _ => return steps.push(whole),
        };
        let Subject::Member(subject) = &choice.on.is else { return steps.push(whole) };
        let span = choice.on.span;
        let mut choices = Vec::new();
        let mut arms = Vec::new();
        let number = |steps: Vec<Step>, choices: &mut Vec<Vec<Step>>| {
            choices.push(steps);
            let index = u64::try_from(choices.len() - 1).unwrap_or(u64::MAX);
            At { is: Expression::Number(index), span }
        };
        for arm in &choice.arms {
            let steps = self.alternative(path, &arm.then.is, alternatives, base, whole.clone());
            arms.push(Arm { when: arm.when.clone(), then: number(steps, &mut choices) });
        }
        let other = choice.otherwise.as_ref();
        let other = other.map(|other| self.alternative(path, &other.is, alternatives, base, whole.clone()));
        let otherwise = Some(Box::new(number(other.unwrap_or_else(|| vec![whole]), &mut choices)));
        let old = super::actions::name("old", span);
        let on = Box::new(super::actions::below(old, subject.steps.iter(), span));
        let which = At { is: Expression::Match { on, arms, otherwise }, span };
        let mut pairs = PairsOf(self.pairing);
        let mut compiler = compiler(self.definitions, self.old, self.new, &mut pairs);
        for (name, sort) in &self.locals {
            compiler = compiler.with(name.clone(), sort.clone());
        }
        match compiler.value(&which, None) {
            Ok(which) => steps.push(Step::Choose { which: which.code, choices }),
            Err(mistake) => {
                let reason = Reason::Undecided(mistake.message.clone());
                steps.push(Step::Refuse { reason, path: path.into() });
                self.mistakes.push(mistake);
            }
        }
    }

    /// One member of a union.
    fn alternative(
        &mut self,
        path: &str,
        reading: &Reading,
        alternatives: &[Alternative<'t>],
        base: Base,
        whole: Step,
    ) -> Vec<Step> {
        let member = match reading {
            Reading::Member(member) => member,
            Reading::Bytes => return vec![whole],
            _ => {
                let reason = "which member of the union counts is not said for this value".to_owned();
                return vec![Step::Refuse { reason: Reason::Undecided(reason), path: path.into() }];
            }
        };
        let name = match member.steps.first().map(|step| &step.is) {
            Some(RuleStep::Member(name)) => name.as_str(),
            _ => "",
        };
        let found = alternatives.iter().find(|one| one.old.last_name() == name);
        let found = found.and_then(|one| Some((&one.old, one.new.as_ref()?, one.conversion.as_ref()?)));
        let mut steps = Vec::new();
        match found {
            Some((old, new, conversion)) => self.conversion(old, new, conversion, base, &mut steps),
            None => {
                let reason = format!(
                    "the member `{name}` of the union is not in the new release, or is something else"
                );
                steps.push(Step::Refuse { reason: Reason::Undecided(reason), path: path.into() });
            }
        }
        steps
    }

    /// A structure, union or enumeration that has a pairing of its own.
    #[allow(clippy::too_many_arguments)]
    fn pair_inside(
        &mut self,
        (old, from_bits): (Type<'t>, Option<Bits>),
        (new, to_bits): (Type<'t>, Option<Bits>),
        id: PairId,
        from: &Place<'t>,
        to: &Place<'t>,
        base: Base,
        steps: &mut Vec<Step>,
    ) {
        let inner = Base {
            old: base.old.saturating_add(from.bit_offset),
            new: base.new.saturating_add(to.bit_offset),
        };
        if old.tag() == Tag::Enumeration && new.tag() == Tag::Enumeration {
            let values = constants_of(old, new);
            let are_same = values.iter().all(|(old, new)| *new == Some(*old));
            self.constant((old, from_bits), (new, to_bits), inner, (values, are_same), &to.path, steps);
            return;
        }
        let Some(pair) = self.pairing.pair(id) else { return };
        let made = pair.made.iter().position(|made| made.ty == new).unwrap_or(0);
        let size = new.size().unwrap_or(0);
        let path = to.path.as_str().into();
        if pair.made.len() > 1 {
            let reason = "it is inside of another object, and what is split off would have no place there";
            steps.push(Step::Refuse { reason: Reason::Impossible(reason.to_owned()), path });
            return;
        }
        steps.push(Step::Object {
            from: inner.old / 8,
            to: inner.new / 8,
            how: Making { pair: id, made },
            size,
            path,
        });
    }

    fn constant(
        &mut self,
        (old, from_bits): (Type<'t>, Option<Bits>),
        (new, to_bits): (Type<'t>, Option<Bits>),
        base: Base,
        (values, are_same): (FxHashMap<i128, Option<i128>>, bool),
        path: &str,
        steps: &mut Vec<Step>,
    ) {
        let Some((from, to)) = Scalar::of(old, from_bits).zip(Scalar::of(new, to_bits)) else { return };
        let (from, to) = ((base.old / 8, from), (base.new / 8, to));
        let path = path.into();
        steps.push(if are_same {
            Step::Number { from, to, path }
        } else {
            let is_renumbered = values.iter().any(|(old, new)| new.is_some_and(|new| new != *old));
            Step::Constant { from, to, values, others_stay: !is_renumbered, path }
        });
    }

    /// A structure whose bytes stay, with the pointers in it.
    fn same(&mut self, old: Type<'t>, new: Type<'t>, base: Base, path: &str, steps: &mut Vec<Step>) {
        let (from, to) = (base.old / 8, base.new / 8);
        if let Some(len) = old.size() {
            steps.push(Step::Copy { from, to, len });
        }
        pointers(new, base.new, path, DEEPEST, steps);
    }
}

/// All that both have room for.
fn copy(old: Type<'_>, new: Type<'_>, steps: &mut Vec<Step>) {
    let len = old.size().unwrap_or(0).min(new.size().unwrap_or(0));
    steps.push(Step::Copy { from: 0, to: 0, len });
}

/// A type that stays where it is: where there are pointers in it.
fn pointers(ty: Type<'_>, bit_offset: u64, path: &str, deeper: u32, steps: &mut Vec<Step>) {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
    let at = bit_offset / 8;
    match ty.kind() {
        Kind::Pointer(_) => steps.push(Step::Pointer { from: at, to: at, path: path.into() }),
        Kind::Array { element: Some(element), count } => {
            let mut inner = Vec::new();
            pointers(element, 0, "", deeper, &mut inner);
            let count = match count {
                Count::Exactly(count) if count > 0 => Some(count),
                _ => None,
            };
            if let (Some(stride), false) = (element.size(), inner.is_empty() && count.is_some()) {
                // A flexible array's elements are not among the bytes of the structure: they are copied with it.
                if count.is_none() {
                    inner.insert(0, Step::Copy { from: 0, to: 0, len: stride });
                }
                steps.push(array((at, stride), (at, stride), count, inner, path.into()));
            }
        }
        Kind::Aggregate if ty.tag() != Tag::Union => {
            for member in ty.members().filter(|member| member.bit_size().is_none()) {
                let inner = match member.name() {
                    Some(name) if path.is_empty() => name.to_owned(),
                    Some(name) => format!("{path}.{name}"),
                    None => path.to_owned(),
                };
                if let Some(below) = member.ty() {
                    pointers(below, bit_offset.saturating_add(member.bit_offset()), &inner, deeper, steps);
                }
            }
        }
        _ => {}
    }
}

fn array(from: (u64, u64), to: (u64, u64), count: Option<u64>, steps: Vec<Step>, path: Box<str>) -> Step {
    // Bytes that lie as densely as before are copied at once.
    if let (Some(count), [Step::Copy { from: 0, to: 0, len }]) = (count, steps.as_slice())
        && from.1 == to.1
        && *len == from.1
    {
        return Step::Copy { from: from.0, to: to.0, len: len.saturating_mul(count) };
    }
    Step::Array { from, to, count, steps, path }
}

/// Where something lies: bytes, and the bits of a bit-field.
fn place(base: u64, place: &Place<'_>) -> (u64, Option<Bits>) {
    let at = base.saturating_add(place.bit_offset);
    let bits = place.bit_size.map(|count| Bits { first: u32::try_from(at % 8).unwrap_or(0), count });
    (at / 8, bits)
}

/// What the value of each constant becomes; `None`: the constant is gone, or its names went different ways.
fn constants_of(old: Type<'_>, new: Type<'_>) -> FxHashMap<i128, Option<i128>> {
    let after: FxHashMap<&str, i128> = names::constants(new).map(|one| (one.name, one.value)).collect();
    let mut values: FxHashMap<i128, Option<i128>> = FxHashMap::default();
    let mut different = Vec::new();
    for constant in names::constants(old) {
        let Some(value) = after.get(constant.name).copied() else {
            values.entry(constant.value).or_insert(None);
            continue;
        };
        match values.get_mut(&constant.value) {
            Some(known @ None) => *known = Some(value),
            Some(Some(known)) if *known != value => different.push(constant.value),
            Some(Some(_)) => {}
            None => {
                values.insert(constant.value, Some(value));
            }
        }
    }
    for value in different {
        values.insert(value, None);
    }
    values
}

/// What a variable is as a value.
fn sort_of(ty: Type<'_>) -> Sort<'_> {
    Sort::Object(Release::Old, ty)
}
