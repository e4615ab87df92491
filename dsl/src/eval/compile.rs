//! From expressions to [`Code`]: once for a rule, whatever the number of objects.
//!
//! A name stands, in this order, for: something that the statement names (`old`, the object of a `for each`, a parameter); a constant of the
//! enumeration that is expected; a constant of any enumeration, first of the release that is expected; a variable, of the old release if
//! it has one; a function, of the release that is written to if it has one. `from.x` and `to.x` are variables of the old and the new one.
//!
//! Two modes: [`Compiler::value`] gives a value for computing with; [`Compiler::stored`] one for a member of a type, where numbers have to
//! fit, pointers become the new release's, and objects the new type's.
//!
//! What it does not do: say all that is wrong with an expression. It stops at the first [`Mistake`]; checking is another module's.

mod calls;
pub mod literals;
mod looking;
mod operators;
mod patterns;
mod storing;

use super::code::{Code, Making, Node};
use super::definitions::Definitions;
use super::failure::Mistake;
use super::lookup::Lookup;
use super::scalar::Bits;
use super::sort::{Local, Sort};
use super::value::Value;
use crate::diagnostic::Release;
use crate::rules::{Arm, Expression, TypeName};
use crate::source::{At, Span};
use looking::Found;
use mcrx_debuginfo::table::Type;

/// How deep expressions may be nested, calls of defined functions included.
const DEEPEST: u32 = 64;

/// How many nodes one expression may have with all that it calls: enough for any table of constants.
const MOST_NODES: u32 = 1 << 16;

/// Which types become which: for objects inside of values.
pub trait Pairs<'t> {
    /// How objects of an old type become objects of a new one, if they can.
    fn pair(&mut self, old: Type<'t>, new: Type<'t>) -> Option<Making>;

    /// What objects of an old type become.
    fn counterpart(&mut self, old: Type<'t>) -> Option<Type<'t>>;
}

/// No objects become others.
#[derive(Debug, Clone, Copy)]
pub struct NoPairs;

impl<'t> Pairs<'t> for NoPairs {
    fn pair(&mut self, _: Type<'t>, _: Type<'t>) -> Option<Making> {
        None
    }

    fn counterpart(&mut self, _: Type<'t>) -> Option<Type<'t>> {
        None
    }
}

/// The type that a value is expected to be of, which says what names mean.
pub type Hint<'t> = Option<(Release, Type<'t>)>;

/// What an expression became.
#[derive(Debug, Clone)]
pub struct Compiled<'t> {
    /// How the value comes about.
    pub code: At<Code>,
    /// What sort of value it is.
    pub sort: Sort<'t>,
}

/// Compiles the expressions of one statement.
pub struct Compiler<'c, 'r, 't> {
    definitions: &'c Definitions<'r>,
    old: &'c Lookup<'t>,
    new: &'c Lookup<'t>,
    pairs: &'c mut dyn Pairs<'t>,
    /// The release whose memory gets the values.
    writes: Release,
    /// The release whose variables go by their names alone.
    sees: Release,
    locals: Vec<Local<'t>>,
    /// Locals before this one belong to who calls the function that is being compiled.
    visible: usize,
    /// Defined functions that are being compiled.
    calls: Vec<String>,
    depth: u32,
    nodes: u32,
}

impl<'c, 'r, 't> Compiler<'c, 'r, 't> {
    /// For values that are written to the new release.
    pub fn new(
        definitions: &'c Definitions<'r>,
        old: &'c Lookup<'t>,
        new: &'c Lookup<'t>,
        pairs: &'c mut dyn Pairs<'t>,
    ) -> Compiler<'c, 'r, 't> {
        let writes = Release::New;
        let (locals, calls) = (Vec::new(), Vec::new());
        let sees = Release::Old;
        Compiler { definitions, old, new, pairs, writes, sees, locals, visible: 0, calls, depth: 0, nodes: 0 }
    }

    /// For values that are written to one of the releases.
    #[must_use]
    pub fn writing(self, writes: Release) -> Compiler<'c, 'r, 't> {
        Compiler { writes, ..self }
    }

    /// With variables of this release where both have one of a name.
    #[must_use]
    pub fn seeing(self, sees: Release) -> Compiler<'c, 'r, 't> {
        Compiler { sees, ..self }
    }

    /// With something that the statement names; [`super::Machine`] is given their values in the same order.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, sort: Sort<'t>) -> Compiler<'c, 'r, 't> {
        self.locals.push(Local { name: name.into(), sort });
        self
    }

    /// A value for computing with.
    pub fn value(&mut self, expression: &At<Expression>, hint: Hint<'t>) -> Result<Compiled<'t>, Mistake> {
        self.enter(expression.span)?;
        let compiled = self.value_here(expression, hint);
        self.depth -= 1;
        compiled
    }

    fn value_here(&mut self, expression: &At<Expression>, hint: Hint<'t>) -> Result<Compiled<'t>, Mistake> {
        let span = expression.span;
        let constant = |value, sort| Ok(Compiled { code: At { is: Code::Constant(value), span }, sort });
        match &expression.is {
            Expression::Number(number) => constant(Value::Integer(i128::from(*number)), Sort::Integer(None)),
            Expression::Text(text) => constant(Value::Text(text.clone()), Sort::Text),
            Expression::Truth(truth) => constant(Value::Truth(*truth), Sort::Truth),
            Expression::Null => constant(Value::Null, Sort::Null),
            Expression::Zero => constant(Value::Zero, Sort::Zero),
            Expression::Name(_) | Expression::Member(..) | Expression::Index(..) => {
                match self.look(expression, hint)? {
                    Found::Value(compiled) => Ok(compiled),
                    Found::Spot(spot) => Ok(self.load(spot, span)),
                }
            }
            Expression::Slice(of, from, to) => self.slice(of, from, to, span),
            Expression::Unary(operator, operand) => self.unary(*operator, operand, span, hint),
            Expression::Binary(operator, one, other) => self.binary(*operator, one, other, span, hint),
            Expression::Conditional(condition, yes, no) => self.conditional((condition, yes, no), span, hint),
            Expression::Else(first, second) => self.otherwise(first, second, span, hint),
            Expression::SizeOf(name) => self.size_of(name, span),
            Expression::Call(name, arguments) => self.call(name, arguments, span, hint),
            Expression::Match { on, arms, otherwise } => {
                self.match_value(on, arms, otherwise.as_deref(), span, hint)
            }
            Expression::Literal(literal) => self.literal(literal, span),
            Expression::Hole(hole) => Ok(compiled(Code::Undecided(hole.why.is.clone()), span, Sort::Never)),
        }
    }

    // Each form has a function of its own, so that the stack of deeply nested expressions stays small.

    fn conditional(
        &mut self,
        (condition, yes, no): (&At<Expression>, &At<Expression>, &At<Expression>),
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        let condition = self.condition(condition)?;
        let (yes, no) = (self.value(yes, hint)?, self.value(no, hint)?);
        let sort = either(yes.sort, no.sort, span)?;
        let code = Code::Conditional(Box::new(condition), Box::new(yes.code), Box::new(no.code));
        Ok(compiled(code, span, sort))
    }

    fn otherwise(
        &mut self,
        first: &At<Expression>,
        second: &At<Expression>,
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        let (first, second) = (self.value(first, hint)?, self.value(second, hint)?);
        let sort = either(first.sort, second.sort, span)?;
        Ok(compiled(Code::Else(Box::new(first.code), Box::new(second.code)), span, sort))
    }

    fn size_of(&self, name: &At<TypeName>, span: Span) -> Result<Compiled<'t>, Mistake> {
        let size = match self.lookup(self.writes).size_of(&name.is) {
            Ok(size) => size,
            Err(_) => {
                let other = self.lookup(self.writes.other()).size_of(&name.is);
                other.map_err(|why| unknown(name.span, "type", &name.is.symbol.name, why))?
            }
        };
        let size = size.ok_or_else(|| Mistake::new(name.span, "this type has no size of its own"))?;
        let code = Code::Constant(Value::Integer(i128::from(size)));
        Ok(compiled(code, span, Sort::Integer(None)))
    }

    fn match_value(
        &mut self,
        on: &At<Expression>,
        arms: &[Arm],
        otherwise: Option<&At<Expression>>,
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        let mut sort = Sort::Never;
        let code = self.matching(on, arms, otherwise, span, &mut |compiler, then| {
            let then = compiler.value(then, hint)?;
            sort = either(std::mem::replace(&mut sort, Sort::Never), then.sort, then.code.span)?;
            Ok(then.code)
        })?;
        Ok(Compiled { code, sort })
    }

    /// Something of the new release that is written to: where it is, and of which type.
    pub fn spot(
        &mut self,
        expression: &At<Expression>,
    ) -> Result<(At<Code>, Type<'t>, Option<Bits>), Mistake> {
        let span = expression.span;
        match self.look(expression, None)? {
            Found::Spot(spot) if spot.of == Release::New => {
                Ok((At { is: spot.code, span }, spot.ty, spot.bits))
            }
            Found::Spot(_) => Err(Mistake::new(span, "the old release's memory is not written to")),
            Found::Value(_) => Err(Mistake::new(span, "this lies nowhere")),
        }
    }

    /// A value that is true or false, or a number or pointer that C takes for either.
    pub fn condition(&mut self, expression: &At<Expression>) -> Result<At<Code>, Mistake> {
        let value = self.value(expression, None)?;
        let is_condition =
            value.sort.is_integer() || matches!(value.sort, Sort::Pointer(..) | Sort::Null | Sort::Float);
        if is_condition {
            return Ok(value.code);
        }
        Err(Mistake::new(
            expression.span,
            format!("a condition is true or false, not {}", value.sort.describe()),
        ))
    }

    /// A number.
    fn integer(&mut self, expression: &At<Expression>, hint: Hint<'t>) -> Result<Node, Mistake> {
        let value = self.value(expression, hint)?;
        if value.sort.is_integer() {
            return Ok(Box::new(value.code));
        }
        Err(Mistake::new(
            expression.span,
            format!("this is to be a number, and is {}", value.sort.describe()),
        ))
    }

    fn enter(&mut self, span: Span) -> Result<(), Mistake> {
        if self.depth >= DEEPEST {
            return Err(Mistake::new(span, "this is nested too deeply"));
        }
        if self.nodes >= MOST_NODES {
            return Err(Mistake::new(span, "with all that it calls, this expression is too large"));
        }
        self.nodes += 1;
        self.depth += 1;
        Ok(())
    }

    fn lookup(&self, of: Release) -> &'c Lookup<'t> {
        match of {
            Release::Old => self.old,
            Release::New => self.new,
        }
    }
}

fn compiled<'t>(code: Code, span: Span, sort: Sort<'t>) -> Compiled<'t> {
    Compiled { code: At { is: code, span }, sort }
}

fn either<'t>(one: Sort<'t>, other: Sort<'t>, span: Span) -> Result<Sort<'t>, Mistake> {
    let message = format!("this gives {} here and {} there", one.describe(), other.describe());
    one.either(other).ok_or_else(|| Mistake::new(span, message))
}

fn unknown(span: Span, what: &str, name: &str, why: super::lookup::NotFound) -> Mistake {
    Mistake::new(span, format!("the {what} `{name}` {}", why.describe()))
}
