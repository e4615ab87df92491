//! Objects that are written out: `conn { id = 3 }`, `[1, 2]`.

use super::storing::{Target, element, target, unknown_type};
use super::{Compiled, Compiler, compiled};
use crate::eval::code::{Code, Stored};
use crate::eval::failure::Mistake;
use crate::eval::scalar::{Bits, Shape};
use crate::eval::sort::Sort;
use crate::rules::{Expression, Literal, Path, Step, TypeName};
use crate::source::{At, Span};
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Kind, Type};

/// A member that a path leads to without leaving the object.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'t> {
    /// Bytes from the start of the object.
    pub offset: u64,
    /// As declared.
    pub ty: Type<'t>,
    /// Of a bit-field.
    pub bits: Option<Bits>,
}

impl<'t> Compiler<'_, '_, 't> {
    pub(super) fn literal(&mut self, literal: &Literal, span: Span) -> Result<Compiled<'t>, Mistake> {
        match literal {
            Literal::Object { ty, members } => {
                let (code, ty) = self.object_of(ty, members, span)?;
                Ok(Compiled { code, sort: Sort::Made(ty) })
            }
            Literal::List(items) => {
                let mut sort = Sort::Never;
                let mut codes = Vec::new();
                for item in items {
                    let item = self.value(item, None)?;
                    sort = super::either(sort, item.sort, item.code.span)?;
                    codes.push(item.code);
                }
                Ok(compiled(Code::List(codes), span, Sort::Sequence(Box::new(sort))))
            }
        }
    }

    /// A literal where its type is known. One that stands where a pointer is wanted gets a block of its own.
    pub(super) fn literal_into(
        &mut self,
        literal: &Literal,
        to: Target<'t>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let is_pointer = to.scalar.is_some_and(|scalar| scalar.shape == Shape::Pointer);
        let pointee = if is_pointer { to.ty.target().and_then(Type::resolved) } else { None };
        match literal {
            Literal::Object { ty, members } => {
                let (code, made) = self.object_of(ty, members, span)?;
                let wanted = if is_pointer { pointee.unwrap_or(made) } else { to.ty };
                if made != wanted {
                    let wanted = type_name(Some(wanted), Anonymous::LeftOut);
                    return Err(Mistake::new(ty.span, format!("here `{wanted}` is wanted")));
                }
                let allocate = |code| At { is: Code::Allocate(Box::new(code), Some(made.id())), span };
                Ok(if is_pointer { allocate(code) } else { code })
            }
            Literal::List(items) if is_pointer => {
                let element = pointee.or_else(|| self.written_type(items));
                let element = element.ok_or_else(|| Mistake::new(span, "of which type are these to be?"))?;
                let content = self.row_of(items, element, None, span)?;
                Ok(At { is: Code::Allocate(Box::new(content), Some(element.id())), span })
            }
            Literal::List(items) => {
                let count = match to.ty.kind() {
                    Kind::Array { count: Count::Exactly(count), .. } => Some(count),
                    _ => None,
                };
                let (Some(element), Some(count)) = (element(to.ty), count) else {
                    let wanted = type_name(Some(to.ty), Anonymous::LeftOut);
                    return Err(Mistake::new(span, format!("a list of elements is no value for `{wanted}`")));
                };
                self.row_of(items, element, Some(count), span)
            }
        }
    }

    /// The type of the first of some objects that are written out.
    fn written_type(&self, items: &[At<Expression>]) -> Option<Type<'t>> {
        match &items.first()?.is {
            Expression::Literal(Literal::Object { ty, .. }) => self.lookup(self.writes).ty(&ty.is).ok(),
            _ => None,
        }
    }

    /// Elements side by side, with room for so many.
    pub(super) fn row_of(
        &mut self,
        items: &[At<Expression>],
        element: Type<'t>,
        room: Option<u64>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if room.is_some_and(|room| count > room) {
            let room = room.unwrap_or(0);
            return Err(Mistake::new(
                span,
                format!("these are {count} elements, and there is room for {room}"),
            ));
        }
        let (_, stride) = target(element, None, span)?;
        let mut parts = Vec::new();
        for (index, item) in (0..).zip(items) {
            parts.push((stride.saturating_mul(index), self.stored(item, element, None)?));
        }
        Ok(At { is: Code::Build(stride.saturating_mul(room.unwrap_or(count)), parts), span })
    }

    fn object_of(
        &mut self,
        name: &At<TypeName>,
        members: &[(At<Path>, At<Expression>)],
        span: Span,
    ) -> Result<(At<Code>, Type<'t>), Mistake> {
        let ty = self.lookup(self.writes).ty(&name.is);
        let ty = ty.map_err(|why| unknown_type(name.span, &name.is.symbol.name, why))?;
        let (_, size) = target(ty, None, name.span)?;
        let mut parts: Vec<(u64, Stored)> = Vec::new();
        for (path, value) in members {
            let inside = inside(ty, &path.is)?;
            let names: Option<Vec<String>> = path.is.steps.iter().map(|step| member_of(&step.is)).collect();
            let told = names.and_then(|names| self.told(self.writes, ty, &names));
            let stored = match (told, &value.is) {
                // A list at a `void *` that facts speak of.
                (Some(element), Expression::Literal(Literal::List(items))) => {
                    let content = self.row_of(items, element, None, value.span)?;
                    let code = Code::Allocate(Box::new(content), Some(element.id()));
                    let (target, size) = target(inside.ty, inside.bits, value.span)?;
                    Stored { code: At { is: code, span: value.span }, scalar: target.scalar, size }
                }
                _ => self.stored(value, inside.ty, inside.bits)?,
            };
            parts.push((inside.offset, stored));
        }
        Ok((At { is: Code::Build(size, parts), span }, ty))
    }
}

fn member_of(step: &Step) -> Option<String> {
    match step {
        Step::Member(name) => Some(name.clone()),
        Step::Index(_) => None,
    }
}

/// Where a path leads to in an object, without going through pointers.
pub fn inside<'t>(ty: Type<'t>, path: &Path) -> Result<Inside<'t>, Mistake> {
    let mut at = Inside { offset: 0, ty, bits: None };
    for step in &path.steps {
        let outer = at.ty.resolved();
        let outer =
            outer.ok_or_else(|| Mistake::new(step.span, "the debug info does not say what this is"))?;
        match &step.is {
            Step::Member(name) => {
                let name = At { is: name.clone(), span: step.span };
                let (bits, member) =
                    outer.field(&name.is).ok_or_else(|| super::looking::no_member(outer, &name))?;
                at.offset = at.offset.saturating_add(bits / 8);
                at.bits = member
                    .bit_size()
                    .map(|count| Bits { first: u32::try_from(bits % 8).unwrap_or(0), count });
                at.ty = member
                    .ty()
                    .ok_or_else(|| Mistake::new(step.span, "the debug info does not say what this is"))?;
            }
            Step::Index(index) => {
                let Kind::Array { element: Some(element), count } = outer.kind() else {
                    return Err(Mistake::new(step.span, "this has no elements"));
                };
                if matches!(count, Count::Exactly(count) if *index >= count) {
                    return Err(Mistake::new(step.span, "the array has no such element"));
                }
                let stride = element.size().unwrap_or(0);
                at = Inside {
                    offset: at.offset.saturating_add(stride.saturating_mul(*index)),
                    ty: element,
                    bits: None,
                };
            }
        }
    }
    Ok(at)
}
