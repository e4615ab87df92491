//! What is expected, held against what is.

use super::Problem;
use super::scene::{Scene, bytes, nowhere};
use crate::diagnostic::Release;
use crate::eval::value::Place;
use crate::eval::{Bits, Compiler, Definitions, Machine, Mistake, Scalar, Shape, Sort, Value, World};
use crate::migrate::actions::{below, name, pointed_to};
use crate::migrate::{Called, PairsOf};
use crate::names;
use crate::rules::{Expected, Expression, Literal, Path, Symbol};
use crate::source::{At, Span};
use mcrx_debuginfo::table::Type;

/// The object that members are expected of, under a name that nobody can write.
const SUBJECT: &str = "\u{1}";

/// What a call is expected to be given.
enum Argument<'e, 't> {
    /// This value.
    Value(Value),
    /// A pointer to this, of a parameter of this type.
    Written(&'e At<Expression>, Option<Type<'t>>),
}

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
                let wanted = self.new.ty(&name.is).map_err(|why| {
                    let name = &name.is.symbol.name;
                    Mistake::new(
                        value.span,
                        format!("the type `{name}` {} of the new release", why.describe()),
                    )
                })?;
                let Some(object) = self.target(there, wanted, path, (value.span, "an object"), problems)?
                else {
                    return Ok(());
                };
                if Some(wanted) != object.ty.resolved() {
                    return Err(Mistake::new(name.span, "here something of another type is expected").into());
                }
                for (member, value) in members {
                    let place = self.member(object, member)?;
                    self.value(place, &format!("{path}.{}", spelt(&member.is)), value, problems)?;
                }
                Ok(())
            }
            Expression::Literal(Literal::List(items)) => {
                let element = names::pointee(Some(ty)).or_else(|| self.written_type(items));
                let element = element.ok_or_else(|| Mistake::new(value.span, "this has no elements"))?;
                let Some(start) = self.target(there, element, path, (value.span, "elements"), problems)?
                else {
                    return Ok(());
                };
                self.items(There { ty: element, ..start }, path, items, value.span, problems)
            }
            Expression::Text(text) => {
                let most = if Scalar::of(ty, None).is_some() { None } else { ty.size() };
                let spelt = Value::Text(text.clone()).to_string();
                let Some(start) = self.target(there, ty, path, (value.span, &spelt), problems)? else {
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

    /// Elements side by side; as many as are written.
    fn items(
        &self,
        first: There<'t>,
        path: &str,
        items: &[At<Expression>],
        span: Span,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let stride = first.ty.size();
        let stride = stride
            .ok_or_else(|| Mistake::new(span, "the debug info does not say how large an element is"))?;
        for (index, item) in (0..).zip(items) {
            let address = first.address.saturating_add(stride.saturating_mul(index));
            self.value(There { address, ..first }, &format!("{path}[{index}]"), item, problems)?;
        }
        Ok(())
    }

    /// The type of the first of some objects that are written out.
    fn written_type(&self, items: &[At<Expression>]) -> Option<Type<'t>> {
        match &items.first()?.is {
            Expression::Literal(Literal::Object { ty, .. }) => self.new.ty(&ty.is).ok(),
            _ => None,
        }
    }

    /// The object or elements at a place, or what a pointer there leads to; where that is not known, of the type that is expected. `None`: it
    /// leads nowhere, which is a problem.
    fn target(
        &self,
        there: There<'t>,
        wanted: Type<'t>,
        path: &str,
        (span, expected): (Span, &str),
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
                let ty = names::pointee(Some(ty)).unwrap_or(wanted);
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
        let parameters: Vec<_> = found.parameters().collect();
        if parameters.len() != arguments.len() {
            let (name, wanted, given) = (&function.is.name, parameters.len(), arguments.len());
            let message = format!("`{name}` takes {wanted} values and is given {given}");
            return Err(Mistake::new(span, message).into());
        }
        let definitions = Definitions::of(self.rules);
        let mut values = Vec::new();
        for (parameter, argument) in parameters.iter().zip(arguments) {
            if matches!(argument.is, Expression::Literal(_) | Expression::Text(_)) {
                values.push(Argument::Written(argument, parameter.ty));
                continue;
            }
            let mut pairs = PairsOf(self.pairing);
            let (mut compiler, locals) =
                self.with_objects(Compiler::new(&definitions, self.old, self.new, &mut pairs));
            let Some(ty) = parameter.ty else { continue };
            let written = pointed_to(&mut compiler, argument, ty)?;
            let stored = compiler.stored(&written, ty, None)?;
            let mut machine = Machine::new(&self.memory, self.migration);
            values.push(Argument::Value(machine.with(locals, |machine| machine.value(&stored.code))?));
        }
        let entry = found.code().map(|(entry, _)| entry);
        for (index, call) in calls.iter().enumerate().filter(|(_, call)| Some(call.entry) == entry) {
            let mut is_it = true;
            for (argument, value) in values.iter().zip(&call.arguments) {
                is_it = is_it && self.is_argument(argument, value)?;
            }
            if is_it {
                calls.remove(index);
                return Ok(());
            }
        }
        let spelt = values.iter().map(|argument| match argument {
            Argument::Value(value) => self.spell(value, None),
            Argument::Written(..) => "...".to_owned(),
        });
        let expected = format!("{}({})", function.is.name, spelt.collect::<Vec<String>>().join(", "));
        let calls = self.calls.iter().map(|call| self.spell_call(&call.function, &call.arguments)).collect();
        problems.push(Problem::NotCalled { expected, calls, span });
        Ok(())
    }

    /// Whether a function is given this. What is written out is compared with what a pointer leads to.
    fn is_argument(&self, expected: &Argument<'_, 't>, value: &Value) -> Result<bool, Problem> {
        let (written, ty) = match expected {
            Argument::Value(expected) => return Ok(expected == value),
            Argument::Written(written, ty) => (written, ty.and_then(Type::resolved)),
        };
        let Value::Pointer(place) = value else { return Ok(false) };
        // What `void *` leads to is what is written.
        let ty = match &written.is {
            Expression::Literal(Literal::Object { ty, .. }) => self.new.ty(&ty.is).ok(),
            _ => names::pointee(ty),
        };
        let ty =
            ty.ok_or_else(|| Mistake::new(written.span, "of which type this is the function does not say"))?;
        let mut problems = Vec::new();
        let there = There { address: place.address, ty, bits: None };
        match &written.is {
            Expression::Literal(Literal::List(items)) => {
                self.items(there, "", items, written.span, &mut problems)?
            }
            Expression::Text(text) => {
                let found = Machine::new(&self.memory, self.migration).text(*place, None)?;
                return Ok(found == *text);
            }
            _ => self.value(there, "", written, &mut problems)?,
        }
        Ok(problems.is_empty())
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
