//! Values for a member of a type: numbers have to fit, pointers become the new release's, objects the new type's.
//!
//! A conversion happens as far inside as it can, so that `old.port else 0` means: the old port, or 0 if it does not fit.

use super::calls::{exactly, link, split};
use super::looking::Found;
use super::{Compiled, Compiler, compiled, unknown};
use crate::diagnostic::Release;
use crate::eval::code::{Code, Linked, Stored};
use crate::eval::failure::Mistake;
use crate::eval::scalar::{Bits, Scalar, Shape};
use crate::eval::sort::{Local, Sort};
use crate::eval::value::Value;
use crate::names;
use crate::rules::{Argument, Expression, Literal};
use crate::source::{At, Span};
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Kind, Type};

/// Compiles what is done with an element of a sequence.
type Element<'a, 'c, 'r, 't> =
    &'a mut dyn FnMut(&mut Compiler<'c, 'r, 't>, Compiled<'t>) -> Result<At<Code>, Mistake>;

/// Where a value is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'t> {
    /// Below typedefs and qualifiers.
    pub(super) ty: Type<'t>,
    pub(super) scalar: Option<Scalar>,
}

impl<'t> Target<'t> {
    fn of(ty: Type<'t>, bits: Option<Bits>) -> Option<Target<'t>> {
        let ty = ty.resolved()?;
        Some(Target { ty, scalar: Scalar::of(ty, bits) })
    }

    fn describe(&self) -> String {
        format!("`{}`", type_name(Some(self.ty), Anonymous::LeftOut))
    }

    fn shape(&self) -> Option<Shape> {
        self.scalar.map(|scalar| scalar.shape)
    }
}

impl<'c, 'r, 't> Compiler<'c, 'r, 't> {
    /// A value for something of this type in the release that is written to.
    pub fn stored(
        &mut self,
        expression: &At<Expression>,
        ty: Type<'t>,
        bits: Option<Bits>,
    ) -> Result<Stored, Mistake> {
        let span = expression.span;
        let (target, size) = target(ty, bits, span)?;
        let code = self.into(expression, target)?;
        Ok(Stored { code, scalar: target.scalar, size })
    }

    fn into(&mut self, expression: &At<Expression>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        self.enter(expression.span)?;
        let code = self.convert_here(expression, target);
        self.depth -= 1;
        code
    }

    fn convert_here(&mut self, expression: &At<Expression>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        let span = expression.span;
        let at = |is| Ok(At { is, span });
        match &expression.is {
            Expression::Conditional(condition, yes, no) => {
                let condition = self.condition(condition)?;
                let (yes, no) = (self.into(yes, target)?, self.into(no, target)?);
                at(Code::Conditional(Box::new(condition), Box::new(yes), Box::new(no)))
            }
            Expression::Else(first, second) => {
                let (first, second) = (self.into(first, target)?, self.into(second, target)?);
                at(Code::Else(Box::new(first), Box::new(second)))
            }
            Expression::Match { on, arms, otherwise } => {
                self.matching(on, arms, otherwise.as_deref(), span, &mut |compiler, then| {
                    compiler.into(then, target)
                })
            }
            Expression::Call(name, arguments) => {
                if let Some(definition) = self.definitions.function(&name.is) {
                    let called = self.defined(name, definition, arguments, &mut |compiler, body| {
                        Ok((compiler.into(body, target)?, ()))
                    });
                    return called.map(|(code, ())| code);
                }
                match name.is.as_str() {
                    "clamp" if arguments.len() == 1 => self.clamp(name, arguments, target, span),
                    "alloc" => {
                        let pointee = pointee(target, name)?;
                        let block = self.alloc(name, arguments, Some(pointee), span)?;
                        Ok(block.code)
                    }
                    "list" => self.list(name, arguments, target, span),
                    "array" => self.array(name, arguments, target, span),
                    _ => self.converted(expression, target),
                }
            }
            Expression::Literal(literal) => self.literal_into(literal, target, span),
            _ => self.converted(expression, target),
        }
    }

    fn converted(&mut self, expression: &At<Expression>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        let hint = target.scalar.map(|_| (self.writes, target.ty));
        let value = self.value(expression, hint)?;
        self.convert(value, target)
    }

    /// A value as the target keeps it.
    pub(super) fn convert(&mut self, value: Compiled<'t>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        let span = value.code.span;
        let wrong = |why: &str| {
            let message = format!("{} is no value for {}{why}", value.sort.describe(), target.describe());
            Err(Mistake::new(span, message))
        };
        if value.sort == Sort::Never {
            return Ok(value.code);
        }
        let code = match target.shape() {
            Some(Shape::Integer { .. } | Shape::Boolean | Shape::Float) => match value.sort {
                Sort::Integer(Some((of, ty))) if of != self.writes => {
                    return Ok(self.fit(renumbered(value.code, ty, target.ty), target));
                }
                Sort::Integer(_) | Sort::Truth | Sort::Float | Sort::Zero => {
                    return Ok(self.fit(value.code, target));
                }
                Sort::Pointer(of, to) if is_address(target) => {
                    let pointer = self.translated(value.code, of, to);
                    return Ok(self.fit(pointer, target));
                }
                Sort::Null if is_address(target) => return Ok(self.fit(value.code, target)),
                _ => return wrong(""),
            },
            Some(Shape::Pointer) => match &value.sort {
                Sort::Null | Sort::Zero => return Ok(value.code),
                Sort::Pointer(of, to) => return Ok(self.translated(value.code, *of, *to)),
                Sort::Text => {
                    let text = At { is: Code::TextWithZero(Box::new(value.code)), span };
                    Code::Allocate(Box::new(text), target.ty.target().and_then(Type::resolved).map(Type::id))
                }
                Sort::Object(..) | Sort::Made(_) => return wrong(": `alloc(…)` makes a block of it"),
                Sort::Sequence(_) => {
                    return wrong(": `array(…)` makes an array of it, `list(…, via NEXT)` a list");
                }
                _ => return wrong(""),
            },
            None => return self.convert_object(value, target),
        };
        Ok(At { is: code, span })
    }

    /// For a structure, union or array, or what can only be copied.
    fn convert_object(&mut self, value: Compiled<'t>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        let span = value.code.span;
        let size = size(target.ty, span)?;
        let wrong = || {
            let message = format!("{} is no value for {}", value.sort.describe(), target.describe());
            Err(Mistake::new(span, message))
        };
        let code = match value.sort {
            Sort::Zero => Code::Build(size, Vec::new()),
            Sort::Text => match element(target.ty) {
                Some(character) if character.size() == Some(1) => Code::TextIn(Box::new(value.code), size),
                _ => return wrong(),
            },
            Sort::Made(ty) if ty == target.ty => value.code.is,
            Sort::Object(of, ty) if of == self.writes && ty == target.ty => {
                Code::Copy(Box::new(value.code), size)
            }
            Sort::Object(Release::Old, ty) if self.writes == Release::New => {
                if let Some(pair) = self.pairs.pair(ty, target.ty) {
                    Code::Migrate(Box::new(value.code), pair, size)
                } else if element(ty).is_some() && element(target.ty).is_some() {
                    let row = self.row(Found::Value(value), span)?;
                    let all = super::calls::elements(row, None, None, span);
                    return self.fill(all, element(target.ty), Some(target.ty), span);
                } else if opaque_alike(ty, target.ty) {
                    Code::Copy(Box::new(value.code), size)
                } else {
                    return wrong();
                }
            }
            Sort::Sequence(_) if element(target.ty).is_some() => {
                return self.fill(value, element(target.ty), Some(target.ty), span);
            }
            _ => return wrong(),
        };
        Ok(At { is: code, span })
    }

    fn fit(&self, code: At<Code>, target: Target<'t>) -> At<Code> {
        let span = code.span;
        match target.scalar {
            Some(scalar) => At { is: Code::Fit(Box::new(code), scalar), span },
            None => code,
        }
    }

    fn translated(&self, code: At<Code>, of: Release, to: Option<Type<'t>>) -> At<Code> {
        let span = code.span;
        let bytes = match to.and_then(Type::resolved) {
            Some(to) if matches!(to.kind(), Kind::Base(_) | Kind::Pointer(_) | Kind::Enumeration(_)) => 0,
            to => to.and_then(Type::size).filter(|size| *size > 0).unwrap_or(u64::MAX),
        };
        if of == self.writes { code } else { At { is: Code::Translate(Box::new(code), bytes), span } }
    }

    /// `clamp(VALUE)`: into what the target can hold.
    fn clamp(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        target: Target<'t>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let (values, _) = split(arguments);
        let [value] = exactly(name, &values, "clamp(VALUE)")?;
        let Some((least, most)) = target.scalar.and_then(|scalar| scalar.range()) else {
            return Err(Mistake::new(
                name.span,
                format!("{} has no least and no most value", target.describe()),
            ));
        };
        let hint = Some((self.writes, target.ty));
        let value = self.integer(value, hint)?;
        let bound = |value| Box::new(At { is: Code::Constant(Value::Integer(value)), span });
        let code = At { is: Code::Clamp(value, bound(least), bound(most)), span };
        Ok(self.fit(code, target))
    }

    /// `alloc(VALUE)`: a block with the value in it. `pointee`: of what, where that is known.
    pub(super) fn alloc(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        pointee: Option<Option<Type<'t>>>,
        span: Span,
    ) -> Result<Compiled<'t>, Mistake> {
        let (values, _) = split(arguments);
        let [value] = exactly(name, &values, "alloc(VALUE)")?;
        let wanted = pointee.flatten();
        // What is written for one of these is converted inside; anything else says by itself how many there are.
        let is_built = matches!(value.is, Expression::Literal(Literal::List(_)));
        let (content, ty) = if let (Expression::Literal(Literal::List(items)), Some(ty)) = (&value.is, wanted)
        {
            (self.row_of(items, ty, None, span)?, Some(ty))
        } else {
            let hint = wanted.map(|ty| (self.writes, ty));
            let compiled = self.value(value, hint)?;
            self.content(compiled, wanted, span)?
        };
        if is_built && wanted.is_none() {
            return Err(Mistake::new(span, "of which type are these to be?"));
        }
        let code = Code::Allocate(Box::new(content), ty.map(Type::id));
        Ok(compiled(code, span, Sort::Pointer(self.writes, ty)))
    }

    /// The bytes of a block that holds a value, and of what type its elements are.
    fn content(
        &mut self,
        value: Compiled<'t>,
        wanted: Option<Type<'t>>,
        span: Span,
    ) -> Result<(At<Code>, Option<Type<'t>>), Mistake> {
        let at = |is| At { is, span };
        match &value.sort {
            Sort::Text => Ok((at(Code::TextWithZero(Box::new(value.code))), wanted)),
            Sort::Made(ty) => {
                let ty = *ty;
                if wanted.is_some_and(|wanted| wanted != ty) {
                    return self
                        .convert(value, target(wanted.unwrap_or(ty), None, span)?.0)
                        .map(|code| (code, wanted));
                }
                Ok((value.code, Some(ty)))
            }
            Sort::Sequence(_) => {
                let element = wanted.ok_or_else(|| Mistake::new(span, "of which type are these to be?"))?;
                Ok((self.fill(value, Some(element), None, span)?, Some(element)))
            }
            Sort::Object(of, ty) if element(*ty).is_some() => {
                let (of, ty) = (*of, *ty);
                let own = element(ty);
                let element = wanted
                    .or_else(|| self.counterpart(of, own?))
                    .ok_or_else(|| Mistake::new(span, "of which type are these to be?"))?;
                let row = self.row(Found::Value(value), span)?;
                let all = super::calls::elements(row, None, None, span);
                Ok((self.fill(all, Some(element), None, span)?, Some(element)))
            }
            Sort::Object(of, ty) => {
                let (of, ty) = (*of, *ty);
                let to = wanted.or_else(|| self.counterpart(of, ty)).ok_or_else(|| {
                    let message =
                        format!("{} has no counterpart that it could become", value.sort.describe());
                    Mistake::new(span, message)
                })?;
                let (target, _) = target(to, None, span)?;
                Ok((self.convert(value, target)?, Some(to)))
            }
            sort => {
                let own = match sort {
                    Sort::Integer(Some((of, ty))) => self.counterpart(*of, *ty),
                    _ => None,
                };
                let ty = wanted.or(own).ok_or_else(|| Mistake::new(span, "of which type is this to be?"))?;
                let (target, size) = target(ty, None, span)?;
                let code = self.convert(value, target)?;
                let stored = Stored { code, scalar: target.scalar, size };
                Ok((at(Code::Build(size, vec![(0, stored)])), Some(ty)))
            }
        }
    }

    /// What a type becomes; C's own types go by their names.
    fn counterpart(&mut self, of: Release, ty: Type<'t>) -> Option<Type<'t>> {
        if of == self.writes {
            return Some(ty);
        }
        self.pairs.counterpart(ty).or_else(|| {
            let named = ty.name().map(|name| self.lookup(self.writes).table().types_named(name))?;
            named
                .filter_map(Type::resolved)
                .find(|other| other.tag() == ty.tag() && other.size() == ty.size())
        })
    }

    /// A sequence's elements side by side. `array`: the array that they go into, which has so much room.
    fn fill(
        &mut self,
        sequence: Compiled<'t>,
        element: Option<Type<'t>>,
        array: Option<Type<'t>>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let element =
            element.ok_or_else(|| Mistake::new(span, "the debug info does not say of what the array is"))?;
        let (target, size) = target(element, None, span)?;
        let room = match array.map(Type::kind) {
            Some(Kind::Array { count: Count::Exactly(count), .. }) => Some(count),
            Some(_) => {
                return Err(Mistake::new(span, "an array that does not say how long it is has no room"));
            }
            None => None,
        };
        let Sort::Sequence(sort) = sequence.sort else {
            let message = format!("{} is no sequence of elements", sequence.sort.describe());
            return Err(Mistake::new(span, message));
        };
        let link = match &sequence.code.is {
            Code::Chain(_, next) => Some(*next),
            _ => None,
        };
        let code = self.for_each(*sort, span, &mut |compiler, each| {
            let each = compiler.without_links(each, link, target)?;
            compiler.element_into(each, target)
        })?;
        let each = Box::new(Stored { code, scalar: target.scalar, size });
        Ok(At { is: Code::Fill { of: Box::new(sequence.code), each, room }, span })
    }

    /// What a list's structure has beside its links, where that is wanted and not the structure: `list` has made one of it.
    fn without_links(
        &mut self,
        each: Compiled<'t>,
        link: Option<u64>,
        target: Target<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        let (Sort::Pointer(_, Some(ty)), Some(link)) = (&each.sort, link) else { return Ok(each) };
        let is_link = |member: Type<'t>| member.target().and_then(Type::resolved) == Some(*ty);
        let is_number =
            target.scalar.is_some() && target.shape() != Some(Shape::Pointer) && !is_address(target);
        if !ty.tag().is_aggregate() || !leads_to_scalars(target) && !is_number {
            return Ok(each);
        }
        let fields = ty.fields();
        let others = fields.iter().filter(|(bits, member)| {
            *bits != link * 8 && !member.ty().and_then(Type::resolved).is_some_and(is_link)
        });
        let names: Vec<&str> = others.filter_map(|(_, member)| member.name()).collect();
        let [only] = names.as_slice() else { return Ok(each) };
        let span = each.code.span;
        let only = At { is: (*only).to_owned(), span };
        match self.member(Found::Value(each), &only)? {
            Found::Spot(spot) => Ok(self.load(spot, span)),
            Found::Value(value) => Ok(value),
        }
    }

    /// An element of a sequence for a place of its own; what a list's pointers lead to goes where objects go.
    fn element_into(&mut self, each: Compiled<'t>, target: Target<'t>) -> Result<At<Code>, Mistake> {
        let span = each.code.span;
        match each.sort {
            Sort::Pointer(of, Some(ty)) if target.shape() != Some(Shape::Pointer) && !is_address(target) => {
                let object = compiled(Code::Follow(Box::new(each.code)), span, Sort::Object(of, ty));
                self.convert(object, target)
            }
            // What a list is of is seldom what an array of pointers to texts or numbers is of.
            Sort::Pointer(_, Some(ty)) if ty.tag().is_aggregate() && leads_to_scalars(target) => {
                let message = format!(
                    "these are pointers to `{}`, and {} is wanted of each",
                    type_name(Some(ty), Anonymous::LeftOut),
                    target.describe()
                );
                Err(Mistake::new(span, message))
            }
            _ => self.convert(each, target),
        }
    }

    /// Compiles what is done with an element, which is the next local.
    fn for_each(
        &mut self,
        sort: Sort<'t>,
        span: Span,
        compile: Element<'_, 'c, 'r, 't>,
    ) -> Result<At<Code>, Mistake> {
        let index = self.locals.len();
        // No name can be written so: only what is compiled here sees it.
        self.locals.push(Local { name: String::new(), sort: sort.clone() });
        let code = compile(self, compiled(Code::Local(index), span, sort));
        self.locals.truncate(index);
        code
    }

    /// `array(SEQUENCE)`
    fn array(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        target: Target<'t>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let (values, _) = split(arguments);
        let [sequence] = exactly(name, &values, "array(SEQUENCE)")?;
        let sequence = self.sequence(sequence)?;
        if target.shape() == Some(Shape::Pointer) {
            let to = pointee(target, name)?.ok_or_else(|| {
                Mistake::new(span, "of which type is the array to be? its pointer is `void *`")
            })?;
            let content = self.fill(sequence, Some(to), None, span)?;
            return Ok(At { is: Code::Allocate(Box::new(content), Some(to.id())), span });
        }
        self.fill(sequence, element(target.ty), Some(target.ty), span)
    }

    /// `list(SEQUENCE, via NEXT)`, and the member that leads back as a second `via`.
    fn list(
        &mut self,
        name: &At<String>,
        arguments: &[At<Argument>],
        target: Target<'t>,
        span: Span,
    ) -> Result<At<Code>, Mistake> {
        let (values, vias) = split(arguments);
        let usage = "list(SEQUENCE, via NEXT)";
        let [sequence] = exactly(name, &values, usage)?;
        let (next, previous) = match vias.as_slice() {
            [next] => (next, None),
            [next, previous] => (next, Some(previous)),
            _ => return Err(Mistake::new(name.span, format!("it is called `{usage}`"))),
        };
        let node = pointee(target, name)?.filter(|ty| ty.tag().is_aggregate());
        let node = node.ok_or_else(|| Mistake::new(span, "a list consists of structures"))?;
        let offset = link(node, next.0, next.1)?;
        let back = previous.map(|(path, span)| link(node, path, *span)).transpose()?;
        let sequence = self.sequence(sequence)?;
        let Sort::Sequence(sort) = sequence.sort else {
            return Err(Mistake::new(span, "a list is made from a sequence"));
        };
        let element = if let Sort::Pointer(of, Some(to)) = *sort
            && self.counterpart(of, to) == Some(node)
        {
            let there = self.for_each(*sort, span, &mut |compiler, each| {
                Ok(compiler.translated(each.code, of, Some(to)))
            })?;
            Linked::There(there)
        } else {
            let (node_target, size) = self::target(node, None, span)?;
            let links = [Some(offset), back];
            let code = self.for_each(*sort, span, &mut |compiler, each| match each.sort {
                Sort::Object(..) => compiler.convert(each, node_target),
                _ => compiler.only_member(each, node, size, links),
            })?;
            Linked::New(Stored { code, scalar: None, size }, node.id())
        };
        let code = Code::Link {
            of: Box::new(sequence.code),
            element: Box::new(element),
            next: offset,
            previous: back,
        };
        Ok(At { is: code, span })
    }

    /// A number or pointer as an element of a list: the element has one member beside its links.
    fn only_member(
        &mut self,
        value: Compiled<'t>,
        node: Type<'t>,
        size: u64,
        links: [Option<u64>; 2],
    ) -> Result<At<Code>, Mistake> {
        let span = value.code.span;
        let is_link = |bits: u64| links.contains(&Some(bits / 8));
        let members: Vec<_> = node.fields().into_iter().filter(|(bits, _)| !is_link(*bits)).collect();
        let ([(bits, member)], Some(ty)) =
            (members.as_slice(), members.first().and_then(|(_, one)| one.ty()))
        else {
            let spelt = type_name(Some(node), Anonymous::LeftOut);
            let message = format!("which member of `{spelt}` gets the element is not clear: it has several");
            return Err(Mistake::new(span, message));
        };
        let bit = member.bit_size().map(|count| Bits { first: u32::try_from(bits % 8).unwrap_or(0), count });
        let (target, member_size) = target(ty, bit, span)?;
        let code = self.convert(value, target)?;
        let stored = Stored { code, scalar: target.scalar, size: member_size };
        Ok(At { is: Code::Build(size, vec![(bits / 8, stored)]), span })
    }

    /// A sequence, or all elements of an array.
    fn sequence(&mut self, expression: &At<Expression>) -> Result<Compiled<'t>, Mistake> {
        let value = self.value(expression, None)?;
        match &value.sort {
            Sort::Sequence(_) => Ok(value),
            Sort::Object(_, ty) if matches!(ty.kind(), Kind::Array { count: Count::Exactly(1..), .. }) => {
                let row = self.row(Found::Value(value), expression.span)?;
                Ok(super::calls::elements(row, None, None, expression.span))
            }
            sort => {
                let message = format!(
                    "{} is no sequence: `a[0 .. n]` and `chain(first, via next)` are",
                    sort.describe()
                );
                Err(Mistake::new(expression.span, message))
            }
        }
    }
}

/// Where a value of a type goes, and how many bytes that are.
pub(super) fn target(ty: Type<'_>, bits: Option<Bits>, span: Span) -> Result<(Target<'_>, u64), Mistake> {
    let target =
        Target::of(ty, bits).ok_or_else(|| Mistake::new(span, "the debug info does not say what this is"))?;
    Ok((target, size(target.ty, span)?))
}

fn size(ty: Type<'_>, span: Span) -> Result<u64, Mistake> {
    ty.size().ok_or_else(|| Mistake::new(span, "how large this is only the program knows"))
}

/// What a pointer that is to be stored leads to; `None` inside: `void`.
pub(super) fn pointee<'t>(target: Target<'t>, name: &At<String>) -> Result<Option<Type<'t>>, Mistake> {
    if target.shape() != Some(Shape::Pointer) {
        let message =
            format!("`{}` makes something to point to, and {} is no pointer", name.is, target.describe());
        return Err(Mistake::new(name.span, message));
    }
    Ok(target.ty.target().and_then(Type::resolved))
}

/// Of an array: what it is made of.
pub(super) fn element(ty: Type<'_>) -> Option<Type<'_>> {
    match ty.kind() {
        Kind::Array { element, .. } => element?.resolved(),
        _ => None,
    }
}

/// Whether it is a pointer to characters or numbers.
fn leads_to_scalars(target: Target<'_>) -> bool {
    let to = target.ty.target().and_then(Type::resolved);
    matches!(to.map(Type::kind), Some(Kind::Base(_) | Kind::Enumeration(_)))
}

/// Whether an integer is as large as an address.
fn is_address(target: Target<'_>) -> bool {
    matches!(target.shape(), Some(Shape::Integer { .. }))
        && target.scalar.is_some_and(|scalar| scalar.width() == 64)
        || target.shape() == Some(Shape::Boolean)
}

/// Whether two types that values cannot be made of are the same: `long double`.
fn opaque_alike(old: Type<'_>, new: Type<'_>) -> bool {
    matches!((old.kind(), new.kind()), (Kind::Base(one), Kind::Base(other)) if one == other)
        && old.size() == new.size()
        && old.name() == new.name()
}

/// A value of an old enumeration for a new one: constants go by their names.
fn renumbered(code: At<Code>, old: Type<'_>, new: Type<'_>) -> At<Code> {
    let (Kind::Enumeration(_), Kind::Enumeration(_)) = (old.kind(), new.kind()) else { return code };
    let after: rustc_hash::FxHashMap<&str, i128> =
        names::constants(new).map(|one| (one.name, one.value)).collect();
    let mut values = rustc_hash::FxHashMap::default();
    let mut is_same = true;
    for constant in names::constants(old) {
        let value = after.get(constant.name).copied();
        is_same &= value == Some(constant.value);
        // Of two names for one value the first counts.
        values.entry(constant.value).or_insert(value);
    }
    let span = code.span;
    if is_same { code } else { At { is: Code::Renumber(Box::new(code), values), span } }
}

/// So that errors about names read alike.
pub(super) fn unknown_type(span: Span, name: &str, why: crate::eval::lookup::NotFound) -> Mistake {
    unknown(span, "type", name, why)
}
