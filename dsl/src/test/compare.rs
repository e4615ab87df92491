//! What is expected, held against what is.

use super::Problem;
use super::scene::{Scene, bytes, nowhere};
use crate::diagnostic::Release;
use crate::eval::value::Place;
use crate::eval::{Bits, Compiler, Definitions, Machine, Mistake, Scalar, Shape, Sort, Value, World};
use crate::migrate::actions::{below, name};
use crate::migrate::{Called, PairsOf};
use crate::names;
use crate::rules::{Expected, Expression, Literal, Path, Symbol};
use crate::source::{At, Span};
use mcrx_debuginfo::table::Type;

/// The object that members are expected of, under a name that nobody can write.
const SUBJECT: &str = "\u{1}";

/// Something of the new release.
#[derive(Clone, Copy)]
struct There<'t> {
    address: u64,
    ty: Type<'t>,
    bits: Option<Bits>,
}

impl<'t> Scene<'_, 't> {
    pub(super) fn compare(&self, expected: &[At<Expected>]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut calls = self.calls.clone();
        for one in expected {
            let result = match &one.is {
                Expected::Object { name, literal } => self.object(name.as_ref(), literal, &mut problems),
                Expected::Global(name, value) => self.global(name, value, &mut problems),
                Expected::Call { function, arguments } => {
                    self.called(function, arguments, one.span, &mut calls, &mut problems)
                }
                Expected::Fail(_) => Ok(()),
            };
            problems.extend(result.err());
        }
        problems
    }

    fn object(
        &self,
        named: Option<&At<String>>,
        literal: &At<Literal>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let Literal::Object { ty, .. } = &literal.is else {
            return Err(Mistake::new(literal.span, "of which type is it? `NAME { … }`").into());
        };
        let object = match (named, self.objects.as_slice()) {
            (Some(name), objects) => objects
                .iter()
                .find(|object| object.name.as_ref() == Some(&name.is))
                .ok_or_else(|| nowhere(name.span))?,
            (None, [only]) => only,
            (None, _) => {
                let message = "several objects are given: say which is meant, `expect NAME = …`";
                return Err(Mistake::new(literal.span, message).into());
            }
        };
        let wanted = self.new.ty(&ty.is).map_err(|why| {
            Mistake::new(
                ty.span,
                format!("the type `{}` {} of the new release", ty.is.symbol.name, why.describe()),
            )
        })?;
        let made = self.become_of(object);
        let found = made.iter().find(|(_, ty)| *ty == wanted);
        let (address, ty) = found.copied().ok_or_else(|| {
            Mistake::new(literal.span, format!("nothing of the type `{}` is made of it", ty.is.symbol.name))
        })?;
        let path = object.name.clone().unwrap_or_else(|| "it".to_owned());
        let written = At { is: Expression::Literal(literal.is.clone()), span: literal.span };
        self.value(There { address, ty, bits: None }, &path, &written, problems)
    }

    fn global(
        &self,
        name: &At<Symbol>,
        value: &At<Expression>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let variable = self.variable(Release::New, name)?;
        let ty = variable.ty().and_then(Type::resolved);
        let address = self.memory.loaded(Release::New, variable.address());
        let (Some(ty), Some(address)) = (ty, address) else {
            return Err(Mistake::new(name.span, "the debug info does not say what it is").into());
        };
        self.value(There { address, ty, bits: None }, &name.is.name, value, problems)
    }

    /// Whether a place has a value; what an object or list does not name is not looked at.
    fn value(
        &self,
        there: There<'t>,
        path: &str,
        value: &At<Expression>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let ty = there
            .ty
            .resolved()
            .ok_or_else(|| Mistake::new(value.span, "the debug info does not say what it is"))?;
        match &value.is {
            Expression::Literal(Literal::Object { members, ty: name }) => {
                let Some(object) = self.target(there, path, value.span, "an object", problems)? else {
                    return Ok(());
                };
                let wanted = self.new.ty(&name.is).ok();
                if wanted != object.ty.resolved() {
                    return Err(Mistake::new(name.span, "here something of another type is expected").into());
                }
                for (member, value) in members {
                    let place = self.member(object, member)?;
                    self.value(place, &format!("{path}.{}", spelt(&member.is)), value, problems)?;
                }
                Ok(())
            }
            Expression::Literal(Literal::List(items)) => {
                let element = names::pointee(Some(ty));
                let element = element.and_then(|ty| Some((ty, ty.size()?)));
                let (element, stride) =
                    element.ok_or_else(|| Mistake::new(value.span, "this has no elements"))?;
                let Some(start) = self.target(there, path, value.span, "elements", problems)? else {
                    return Ok(());
                };
                for (index, item) in (0..).zip(items) {
                    let address = start.address.saturating_add(stride.saturating_mul(index));
                    let place = There { address, ty: element, bits: None };
                    self.value(place, &format!("{path}[{index}]"), item, problems)?;
                }
                Ok(())
            }
            Expression::Text(text) => {
                let most = if Scalar::of(ty, None).is_some() { None } else { ty.size() };
                let Some(start) =
                    self.target(there, path, value.span, &Value::Text(text.clone()).to_string(), problems)?
                else {
                    return Ok(());
                };
                let machine = Machine::new(&self.memory, self.migration);
                let found = machine.text(Place { of: Release::New, address: start.address }, most)?;
                let (expected, found) = (Value::Text(text.clone()), Value::Text(found));
                if expected != found {
                    problems.push(self.differs(path, &expected, &found, None, value.span));
                }
                Ok(())
            }
            _ => self.plain(there, ty, path, value, problems),
        }
    }

    /// A value that is compared as a whole.
    fn plain(
        &self,
        there: There<'t>,
        ty: Type<'t>,
        path: &str,
        value: &At<Expression>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let definitions = Definitions::of(self.rules);
        let mut pairs = PairsOf(self.pairing);
        let (mut compiler, locals) =
            self.with_objects(Compiler::new(&definitions, self.old, self.new, &mut pairs));
        let stored = compiler.stored(value, there.ty, there.bits)?;
        let mut machine = Machine::new(&self.memory, self.migration);
        let expected = bytes(&stored, &mut machine, locals).map_err(|failure| failure.at(value.span))?;
        let mut found = vec![0; expected.len()];
        let place = Place { of: Release::New, address: there.address };
        machine.read(place, &mut found)?;
        let (expected, found) = match Scalar::of(ty, there.bits) {
            Some(scalar) => (scalar.read(Release::New, &expected)?, scalar.read(Release::New, &found)?),
            None => (Value::Bytes(expected), Value::Bytes(found)),
        };
        if expected != found {
            problems.push(self.differs(path, &expected, &found, Some(ty), value.span));
        }
        Ok(())
    }

    /// The object or elements at a place, or what a pointer there leads to. `None`: it leads nowhere, which is a problem.
    fn target(
        &self,
        there: There<'t>,
        path: &str,
        span: Span,
        expected: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<There<'t>>, Problem> {
        let ty = there
            .ty
            .resolved()
            .ok_or_else(|| Mistake::new(span, "the debug info does not say what it is"))?;
        let Some(scalar) = Scalar::of(ty, None).filter(|scalar| scalar.shape == Shape::Pointer) else {
            return Ok(Some(There { ty, ..there }));
        };
        let machine = Machine::new(&self.memory, self.migration);
        match machine.load(Place { of: Release::New, address: there.address }, scalar)? {
            Value::Pointer(place) => {
                let ty = names::pointee(Some(ty));
                let ty =
                    ty.ok_or_else(|| Mistake::new(span, "the debug info does not say what it leads to"))?;
                Ok(Some(There { address: place.address, ty, bits: None }))
            }
            found => {
                let (path, expected) = (path.to_owned(), expected.to_owned());
                problems.push(Problem::Differs { path, expected, found: found.to_string(), span });
                Ok(None)
            }
        }
    }

    /// A member by its path, through pointers.
    fn member(&self, object: There<'t>, path: &At<Path>) -> Result<There<'t>, Problem> {
        let definitions = Definitions::of(self.rules);
        let mut pairs = PairsOf(self.pairing);
        let compiler = Compiler::new(&definitions, self.old, self.new, &mut pairs);
        let mut compiler = compiler.with(SUBJECT, Sort::Object(Release::New, object.ty));
        let written = below(name(SUBJECT, path.span), path.is.steps.iter(), path.span);
        let (code, ty, bits) = compiler.spot(&written)?;
        let mut machine = Machine::new(&self.memory, self.migration);
        let subject = Value::Object(Place { of: Release::New, address: object.address });
        match machine.with([subject], |machine| machine.value(&code))? {
            Value::Object(place) => Ok(There { address: place.address, ty, bits }),
            _ => Err(Mistake::new(path.span, "this lies nowhere").into()),
        }
    }

    /// Under their names, what has become of the objects.
    fn with_objects<'c, 'r>(&self, compiler: Compiler<'c, 'r, 't>) -> (Compiler<'c, 'r, 't>, Vec<Value>) {
        let mut compiler = compiler.seeing(Release::New);
        let mut locals = Vec::new();
        for object in &self.objects {
            let Some(name) = &object.name else { continue };
            if let Some((address, ty)) = self.become_of(object).first() {
                compiler = compiler.with(name.clone(), Sort::Object(Release::New, *ty));
                locals.push(Value::Object(Place { of: Release::New, address: *address }));
            }
        }
        (compiler, locals)
    }

    /// A call that is among those that are made; each counts once.
    fn called(
        &self,
        function: &At<Symbol>,
        arguments: &[At<Expression>],
        span: Span,
        calls: &mut Vec<Called>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let found = self.new.function(&function.is).map_err(|why| {
            Mistake::new(function.span, format!("the function `{}` {}", function.is.name, why.describe()))
        })?;
        let definitions = Definitions::of(self.rules);
        let mut values = Vec::new();
        for (parameter, argument) in found.parameters().zip(arguments) {
            let mut pairs = PairsOf(self.pairing);
            let (mut compiler, locals) =
                self.with_objects(Compiler::new(&definitions, self.old, self.new, &mut pairs));
            let Some(ty) = parameter.ty else { continue };
            let stored = compiler.stored(argument, ty, None)?;
            let mut machine = Machine::new(&self.memory, self.migration);
            values.push(machine.with(locals, |machine| machine.value(&stored.code))?);
        }
        let entry = found.code().map(|(entry, _)| entry);
        let is_it = |call: &Called| Some(call.entry) == entry && call.arguments == values;
        if let Some(index) = calls.iter().position(is_it) {
            calls.remove(index);
            return Ok(());
        }
        let expected = self.spell_call(&function.is.name, &values);
        let calls = self.calls.iter().map(|call| self.spell_call(&call.function, &call.arguments)).collect();
        problems.push(Problem::NotCalled { expected, calls, span });
        Ok(())
    }

    fn spell_call(&self, function: &str, arguments: &[Value]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|value| self.spell(value, None)).collect();
        format!("{function}({})", arguments.join(", "))
    }

    fn differs(
        &self,
        path: &str,
        expected: &Value,
        found: &Value,
        ty: Option<Type<'_>>,
        span: Span,
    ) -> Problem {
        Problem::Differs {
            path: path.to_owned(),
            expected: self.spell(expected, ty),
            found: self.spell(found, ty),
            span,
        }
    }
}

fn spelt(path: &Path) -> String {
    use crate::rules::Step;
    let mut text = String::new();
    for step in &path.steps {
        match &step.is {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.push_str(&format!(".{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
