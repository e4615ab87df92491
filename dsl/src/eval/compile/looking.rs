//! Names, members and elements: where something lies.

use super::{Compiled, Compiler, Hint, compiled, unknown};
use crate::diagnostic::Release;
use crate::eval::code::Code;
use crate::eval::failure::Mistake;
use crate::eval::lookup::NotFound;
use crate::eval::scalar::{Bits, Scalar, Shape};
use crate::eval::sort::Sort;
use crate::eval::value::Value;
use crate::names;
use crate::rules::{Expression, Reading, Step, Symbol, TypeName};
use crate::source::{At, Span};
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Kind, Type, Variable};

/// How many structures on the way to a member are remembered, for facts that speak of it by a path from one of them.
const LONGEST_TRAIL: usize = 8;

/// What a name, member or element is.
pub(super) enum Found<'t> {
    /// Something that lies in memory.
    Spot(Spot<'t>),
    /// Something that does not.
    Value(Compiled<'t>),
}

/// A place in memory, and what is there.
pub(super) struct Spot<'t> {
    /// Gives it as an object.
    pub(super) code: Code,
    pub(super) of: Release,
    /// Below typedefs and qualifiers.
    pub(super) ty: Type<'t>,
    pub(super) bits: Option<Bits>,
    /// The structures that it was reached through, with the members from each.
    trail: Vec<(Type<'t>, Vec<String>)>,
}

impl<'t> Compiler<'_, '_, 't> {
    /// Where something is, if it is somewhere.
    pub(super) fn look(&mut self, expression: &At<Expression>, hint: Hint<'t>) -> Result<Found<'t>, Mistake> {
        let span = expression.span;
        self.enter(span)?;
        let found = match &expression.is {
            Expression::Name(symbol) => self.name(symbol, span, hint),
            Expression::Member(of, name) => match self.release_named(of) {
                Some(release) => self.variable_of(release, name),
                None => self.look(of, None).and_then(|of| self.member(of, name)),
            },
            Expression::Index(of, index) => {
                let index = self.integer(index, None);
                index.and_then(|index| {
                    let of = self.look(of, None)?;
                    self.element(of, *index, span)
                })
            }
            _ => self.value(expression, hint).map(Found::Value),
        };
        self.depth -= 1;
        found
    }

    /// `from`, `to`
    fn release_named(&self, expression: &At<Expression>) -> Option<Release> {
        let Expression::Name(symbol) = &expression.is else { return None };
        if self.local(&symbol.name).is_some() {
            return None;
        }
        match symbol.name.as_str() {
            "from" => Some(Release::Old),
            "to" => Some(Release::New),
            _ => None,
        }
    }

    fn local(&self, name: &str) -> Option<usize> {
        let visible = self.locals.get(self.visible..)?;
        visible.iter().rposition(|local| local.name == name).map(|index| index + self.visible)
    }

    fn name(&mut self, symbol: &Symbol, span: Span, hint: Hint<'t>) -> Result<Found<'t>, Mistake> {
        if symbol.unit.is_none()
            && let Some(index) = self.local(&symbol.name)
            && let Some(local) = self.locals.get(index)
        {
            let code = Code::Local(index);
            return Ok(match local.sort.clone() {
                Sort::Object(of, ty) => Found::Spot(Spot { code, of, ty, bits: None, trail: Vec::new() }),
                sort => Found::Value(compiled(code, span, sort)),
            });
        }
        if let Some(constant) =
            self.constant(symbol, hint).map_err(|why| unknown(span, "constant", &symbol.name, why))?
        {
            let (value, of, ty) = constant;
            let code = Code::Constant(Value::Integer(value));
            return Ok(Found::Value(compiled(code, span, Sort::Integer(Some((of, ty))))));
        }
        for release in [self.sees, self.sees.other()] {
            match self.lookup(release).variable(symbol) {
                Ok(variable) => return spot(release, &variable, span).map(Found::Spot),
                Err(NotFound::Missing) => {}
                Err(why) => return Err(unknown(span, "variable", &symbol.name, why)),
            }
        }
        let first = hint.map_or(self.writes, |(release, _)| release);
        for release in [first, first.other()] {
            match self.lookup(release).function(symbol) {
                Ok(function) => {
                    let Some((entry, _)) = function.code() else { continue };
                    let code = Code::Function(release, entry);
                    return Ok(Found::Value(compiled(code, span, Sort::Pointer(release, None))));
                }
                Err(NotFound::Missing) => {}
                Err(why) => return Err(unknown(span, "function", &symbol.name, why)),
            }
        }
        Err(Mistake::new(span, format!("nothing is called `{}`", symbol.name)))
    }

    /// The constant of an enumeration, with its release and type.
    #[allow(clippy::type_complexity)]
    fn constant(
        &self,
        symbol: &Symbol,
        hint: Hint<'t>,
    ) -> Result<Option<(i128, Release, Type<'t>)>, NotFound> {
        if let Some((release, ty)) = hint
            && let Some(found) =
                ty.resolved().into_iter().flat_map(names::constants).find(|one| one.name == symbol.name)
        {
            return Ok(Some((found.value, release, found.of)));
        }
        let first = hint.map_or(self.writes, |(release, _)| release);
        for release in [first, first.other()] {
            match self.lookup(release).constant(&symbol.name) {
                Ok(found) => return Ok(Some((found.value, release, found.of))),
                Err(NotFound::Missing) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(None)
    }

    fn variable_of(&mut self, release: Release, name: &At<String>) -> Result<Found<'t>, Mistake> {
        let symbol = Symbol { name: name.is.clone(), unit: None };
        let variable = self.lookup(release).variable(&symbol);
        let variable = variable.map_err(|why| unknown(name.span, "variable", &name.is, why))?;
        spot(release, &variable, name.span).map(Found::Spot)
    }

    /// A member of something, or of what it points to.
    pub(super) fn member(&mut self, of: Found<'t>, name: &At<String>) -> Result<Found<'t>, Mistake> {
        let outer = self.object(of, name.span)?;
        let Some((bit_offset, member)) = outer.ty.field(&name.is) else {
            return Err(no_member(outer.ty, name));
        };
        let Some(ty) = member.ty().and_then(Type::resolved) else {
            return Err(Mistake::new(
                name.span,
                format!("the debug info does not say what `{}` is", name.is),
            ));
        };
        let bits =
            member.bit_size().map(|count| Bits { first: u32::try_from(bit_offset % 8).unwrap_or(0), count });
        let mut trail = outer.trail;
        trail.iter_mut().for_each(|(_, path)| path.push(name.is.clone()));
        trail.push((outer.ty, vec![name.is.clone()]));
        if trail.len() > LONGEST_TRAIL {
            trail.remove(0);
        }
        let code = match bit_offset / 8 {
            0 => outer.code,
            offset => Code::Offset(Box::new(At { is: outer.code, span: name.span }), offset),
        };
        Ok(Found::Spot(Spot { code, of: outer.of, ty, bits, trail }))
    }

    /// The structure or union that something is, or points to.
    fn object(&mut self, found: Found<'t>, span: Span) -> Result<Spot<'t>, Mistake> {
        let mut found = found;
        // A pointer to a pointer to an object is not what C goes through, either; one step is enough.
        if let Found::Spot(spot) = found {
            if spot.ty.tag().is_aggregate() {
                return Ok(spot);
            }
            let trail = spot.trail.clone();
            let value = self.load(spot, span);
            if let Sort::Pointer(of, Some(ty)) = value.sort
                && ty.tag().is_aggregate()
            {
                return Ok(Spot { code: Code::Follow(Box::new(value.code)), of, ty, bits: None, trail });
            }
            found = Found::Value(value);
        }
        let Found::Value(value) = found else {
            return Err(Mistake::new(span, "this has no members"));
        };
        match value.sort {
            Sort::Pointer(of, Some(ty)) if ty.tag().is_aggregate() => {
                Ok(Spot { code: Code::Follow(Box::new(value.code)), of, ty, bits: None, trail: Vec::new() })
            }
            sort => Err(Mistake::new(span, format!("{} has no members", sort.describe()))),
        }
    }

    /// An element of an array, of what a pointer leads to, or of a sequence.
    fn element(&mut self, of: Found<'t>, index: At<Code>, span: Span) -> Result<Found<'t>, Mistake> {
        if let Found::Value(Compiled { code, sort: Sort::Sequence(element) }) = of {
            let code = Code::Nth(Box::new(code), Box::new(index));
            return Ok(Found::Value(compiled(code, span, *element)));
        }
        let row = self.row(of, span)?;
        let code = Code::Element {
            of: Box::new(row.code),
            index: Box::new(index),
            stride: row.stride,
            count: row.count,
        };
        Ok(Found::Spot(Spot { code, of: row.of, ty: row.ty, bits: None, trail: row.trail }))
    }

    /// Elements side by side.
    pub(super) fn row(&mut self, found: Found<'t>, span: Span) -> Result<Row<'t>, Mistake> {
        let (value, trail) = match found {
            Found::Spot(spot) => {
                let trail = spot.trail.clone();
                (self.load(spot, span), trail)
            }
            Found::Value(value) => (value, Vec::new()),
        };
        let (of, element, count) = match &value.sort {
            Sort::Object(of, array) => match array.kind() {
                Kind::Array { element: Some(element), count } => (*of, element.resolved(), exact(count)),
                _ => return Err(Mistake::new(span, format!("{} has no elements", value.sort.describe()))),
            },
            Sort::Pointer(of, Some(to)) => (*of, Some(*to), None),
            sort => return Err(Mistake::new(span, format!("{} has no elements", sort.describe()))),
        };
        let element = element.and_then(|ty| Some((ty, ty.size().filter(|size| *size > 0)?)));
        let Some((ty, stride)) = element else {
            return Err(Mistake::new(span, "the debug info does not say how large an element is"));
        };
        Ok(Row { code: value.code, of, ty, stride, count, trail })
    }

    /// The value of a place: a number, a pointer, or the object that is there.
    pub(super) fn load(&mut self, spot: Spot<'t>, span: Span) -> Compiled<'t> {
        let Some(scalar) = Scalar::of(spot.ty, spot.bits) else {
            return compiled(spot.code, span, Sort::Object(spot.of, spot.ty));
        };
        let sort = match scalar.shape {
            Shape::Integer { .. } => Sort::Integer(Some((spot.of, spot.ty))),
            Shape::Boolean => Sort::Truth,
            Shape::Float => Sort::Float,
            Shape::Pointer => Sort::Pointer(spot.of, self.pointee(&spot)),
        };
        compiled(Code::Load(Box::new(At { is: spot.code, span }), scalar), span, sort)
    }

    /// What a pointer leads to, as facts say or else as it is declared.
    fn pointee(&self, spot: &Spot<'t>) -> Option<Type<'t>> {
        let told = spot.trail.iter().find_map(|(owner, path)| self.told(spot.of, *owner, path));
        told.or_else(|| spot.ty.target().and_then(Type::resolved))
    }

    /// What facts say that a member points to.
    pub(super) fn told(&self, of: Release, owner: Type<'t>, path: &[String]) -> Option<Type<'t>> {
        let readings = self.definitions.readings(path.last()?);
        readings.iter().find_map(|(symbol, said, reading)| {
            let is_path = said.steps.len() == path.len()
                && said.steps.iter().zip(path).all(|(step, name)| step.is == Step::Member(name.clone()));
            let is_owner = || names::named_type(owner.table(), symbol).contains(&owner);
            let to = pointed_to(reading).filter(|_| is_path && is_owner())?;
            self.lookup(of).ty(to).ok()
        })
    }
}

/// Elements side by side: what they are, and the array or pointer that has them.
pub(super) struct Row<'t> {
    pub(super) code: At<Code>,
    pub(super) of: Release,
    pub(super) ty: Type<'t>,
    pub(super) stride: u64,
    /// Where it is known.
    pub(super) count: Option<u64>,
    trail: Vec<(Type<'t>, Vec<String>)>,
}

/// How many elements; an array of none is written for one of as many as there are.
fn exact(count: Count) -> Option<u64> {
    match count {
        Count::Exactly(0) | Count::Open => None,
        Count::Exactly(count) => Some(count),
    }
}

/// The type that a reading says a pointer leads to.
fn pointed_to(reading: &Reading) -> Option<&TypeName> {
    match reading {
        Reading::To { to, .. } => Some(&to.is),
        Reading::Array { element, .. } => element.as_ref().map(|element| &element.is),
        Reading::As { reading, .. } => pointed_to(&reading.is),
        _ => None,
    }
}

fn spot<'t>(of: Release, variable: &Variable<'t>, span: Span) -> Result<Spot<'t>, Mistake> {
    let Some(ty) = variable.ty().and_then(Type::resolved) else {
        return Err(Mistake::new(span, format!("the debug info does not say what `{}` is", variable.name())));
    };
    let code = Code::Variable(of, variable.address());
    Ok(Spot { code, of, ty, bits: None, trail: Vec::new() })
}

/// With those that may have been meant.
pub(super) fn no_member(ty: Type<'_>, name: &At<String>) -> Mistake {
    let known = names::member_names(ty);
    let near: Vec<String> =
        names::nearest::names(&name.is, known.into_iter()).iter().map(|name| format!("`{name}`")).collect();
    let hint = if near.is_empty() { String::new() } else { format!("; there is {}", near.join(", ")) };
    let spelt = type_name(Some(ty), Anonymous::LeftOut);
    Mistake::new(name.span, format!("`{spelt}` has no member `{}`{hint}", name.is))
}
