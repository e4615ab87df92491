//! What is done when all objects have migrated: `for each`, `call`, `assert`.
//!
//! These see the new memory, and what one of them writes the next one reads. Of `for each old` the object that has a name is the old one, as
//! it was; what is written goes to what has become of it.

use super::insert::{self, Insertion, Tails};
use super::{PairsOf, compiler};
use crate::diagnostic::Release;
use crate::eval::code::Code;
use crate::eval::value::Place;
use crate::eval::{
    Compiler, Definitions, Failure, Lookup, Machine, Mistake, Patch, Reason, Sort, Stored, Value,
};
use crate::names;
use crate::pairing::Pairing;
use crate::rules::{self, Change, End, Expression, ForEach, Path, Rules, Step, Symbol, Unary, Which};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Address, Type, TypeId};

/// What the object of a `for each` has become, under a name that nobody can write.
const BECOME: &str = "\u{1}";

/// Everything that is done then, in the order of the rules.
#[derive(Debug, Default)]
pub struct Actions {
    /// For objects of a type.
    pub each: Vec<Each>,
    /// Functions of the new release.
    pub calls: Vec<Call>,
    /// What is to be true.
    pub asserts: Vec<Assert>,
}

/// `for each`
#[derive(Debug)]
pub struct Each {
    /// Whether it goes through all that were objects of a type of the old release, or are of the new one.
    pub of: Release,
    /// The type.
    pub ty: TypeId,
    among: Option<At<Code>>,
    condition: Option<At<Code>>,
    actions: Vec<Action>,
}

#[derive(Debug)]
enum Action {
    /// A place, and what it gets.
    Set(At<Code>, Stored),
    Insert {
        what: At<Code>,
        /// From there to what pointers of the list lead to.
        back: u64,
        into: At<Code>,
        how: Insertion,
        end: End,
    },
    Call(Call),
}

/// A function of the new release, to be run in it.
#[derive(Debug)]
pub struct Call {
    /// Its name.
    pub function: String,
    entry: Address,
    arguments: Vec<Stored>,
    span: Span,
}

/// A call with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The function's name.
    pub function: String,
    /// Where its code begins in the new release's file.
    pub entry: Address,
    /// What it is given, as the new release's.
    pub arguments: Vec<Value>,
}

/// `assert`
#[derive(Debug)]
pub struct Assert {
    /// Of each object of this type of the new release; `None`: once.
    pub every: Option<TypeId>,
    /// As it is written.
    pub span: Span,
    that: At<Code>,
}

pub(super) fn compile<'t>(
    pairing: &Pairing<'t>,
    rules: &'t Rules,
    definitions: &Definitions<'t>,
    old: &Lookup<'t>,
    new: &Lookup<'t>,
    mistakes: &mut Vec<Mistake>,
) -> Actions {
    let mut actions = Actions::default();
    let scene = Scene { pairing, definitions, old, new };
    for change in &rules.changes {
        let result = match &change.is {
            Change::ForEach(each) => scene.each(each).map(|each| actions.each.push(each)),
            Change::Call { function, arguments } => scene
                .call(&mut scene.compiler(&mut PairsOf(pairing)), function, arguments)
                .map(|call| actions.calls.push(call)),
            Change::Assert { every, that } => {
                scene.assert(every.as_ref(), that).map(|assert| actions.asserts.push(assert))
            }
            _ => Ok(()),
        };
        mistakes.extend(result.err());
    }
    actions
}

/// What all statements are compiled with.
struct Scene<'s, 't> {
    pairing: &'s Pairing<'t>,
    definitions: &'s Definitions<'t>,
    old: &'s Lookup<'t>,
    new: &'s Lookup<'t>,
}

impl<'s, 't> Scene<'s, 't> {
    fn compiler<'c>(&'c self, pairs: &'c mut PairsOf<'_, 't>) -> Compiler<'c, 't, 't> {
        compiler(self.definitions, self.old, self.new, pairs).seeing(Release::New)
    }

    fn each(&self, each: &ForEach) -> Result<Each, Mistake> {
        let is_old = each.which.is_some_and(|which| which.is == Which::Old);
        let of = if is_old { Release::Old } else { Release::New };
        let lookup = if is_old { self.old } else { self.new };
        let ty = lookup.ty(&each.ty.is).map_err(|why| {
            Mistake::new(each.ty.span, format!("the type `{}` {}", each.ty.is.symbol.name, why.describe()))
        })?;
        let become_ty = if is_old {
            let made = self.pairing.of_old(ty).and_then(|(_, pair)| Some(pair.made.first()?.ty));
            made.ok_or_else(|| {
                Mistake::new(each.ty.span, "objects of this type become nothing in the new release")
            })?
        } else {
            ty
        };
        let mut pairs = PairsOf(self.pairing);
        let among = each.among.as_ref().map(|among| self.among(among, (of, ty))).transpose()?;
        let compiler = self.compiler(&mut pairs);
        let mut compiler = compiler
            .with(each.name.is.clone(), Sort::Object(of, ty))
            .with(BECOME, Sort::Object(Release::New, become_ty));
        let condition = each.condition.as_ref().map(|condition| compiler.condition(condition)).transpose()?;
        let mut actions = Vec::new();
        for action in &each.actions {
            actions.push(match &action.is {
                rules::Action::Set { path, value } => {
                    let (place, ty, bits) = compiler.spot(&written(path, &each.name.is))?;
                    Action::Set(place, compiler.stored(value, ty, bits)?)
                }
                rules::Action::Insert { what, into, at, via } => {
                    self.insert(&mut compiler, each, become_ty, (what, into), *at, via.as_ref())?
                }
                rules::Action::Call { function, arguments } => {
                    Action::Call(self.call(&mut compiler, function, arguments)?)
                }
            });
        }
        Ok(Each { of, ty: ty.id(), among, condition, actions })
    }

    /// A sequence of pointers to objects of a type, or of the objects.
    fn among(&self, among: &At<Expression>, (of, ty): (Release, Type<'t>)) -> Result<At<Code>, Mistake> {
        let mut pairs = PairsOf(self.pairing);
        let value = self.compiler(&mut pairs).value(among, None)?;
        let element = match &value.sort {
            Sort::Sequence(element) => match **element {
                Sort::Pointer(of, to) => to.map(|to| (of, to)),
                Sort::Object(of, ty) => Some((of, ty)),
                _ => None,
            },
            _ => None,
        };
        match element {
            Some(found) if found == (of, ty) => Ok(value.code),
            Some((Release::Old, _)) if of == Release::New => {
                let message = "these are the old release's objects: `for each old` goes through them";
                Err(Mistake::new(among.span, message))
            }
            _ => {
                let message = format!("this is no sequence of these objects, but {}", value.sort.describe());
                Err(Mistake::new(among.span, message))
            }
        }
    }

    fn insert(
        &self,
        compiler: &mut Compiler<'_, 't, 't>,
        each: &ForEach,
        object: Type<'t>,
        (what, into): (&At<Path>, &At<Expression>),
        at: Option<At<End>>,
        via: Option<&At<Path>>,
    ) -> Result<Action, Mistake> {
        let (place, what_ty, _) = compiler.spot(&written(what, &each.name.is))?;
        let (head, head_ty, _) = compiler.spot(&written_to(into, &each.name.is))?;
        // Where in the object the link is, if the path stays in it.
        let rest = Path { steps: what.is.steps.get(1..).unwrap_or_default().to_vec() };
        let is_own = matches!(what.is.steps.first().map(|step| &step.is), Some(Step::Member(name)) if *name == each.name.is);
        let offset = crate::eval::inside(object, &rest).ok().filter(|_| is_own).map(|inside| inside.offset);
        let via = via
            .map(|path| {
                let to = match head_ty.kind() {
                    mcrx_debuginfo::table::Kind::Pointer(Some(to)) => to.resolved().unwrap_or(object),
                    _ => object,
                };
                crate::eval::inside(to, &path.is).map(|inside| inside.offset)
            })
            .transpose()?;
        let owner = offset.map(|offset| (object, offset));
        let (how, back) = insert::shape(what_ty, owner, head_ty, via, what.span.to(into.span))?;
        let end = at.map_or(End::Tail, |end| end.is);
        Ok(Action::Insert { what: place, back, into: head, how, end })
    }

    fn call(
        &self,
        compiler: &mut Compiler<'_, 't, 't>,
        function: &At<Symbol>,
        arguments: &[At<Expression>],
    ) -> Result<Call, Mistake> {
        let name = &function.is.name;
        let found = self.new.function(&function.is);
        let found = found.map_err(|why| {
            Mistake::new(
                function.span,
                format!("the function `{name}` {} of the new release", why.describe()),
            )
        })?;
        let parameters: Vec<_> = found.parameters().collect();
        let Some((entry, _)) = found.code().filter(|_| parameters.len() == arguments.len()) else {
            let (wanted, given) = (parameters.len(), arguments.len());
            return Err(Mistake::new(
                function.span,
                format!("`{name}` takes {wanted} values and is given {given}"),
            ));
        };
        let mut stored = Vec::new();
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let ty = parameter.ty.ok_or_else(|| {
                Mistake::new(argument.span, "the debug info does not say what this parameter is")
            })?;
            let written = pointed_to(compiler, argument, ty)?;
            let value = compiler.stored(&written, ty, None)?;
            if value.scalar.is_none() {
                return Err(Mistake::new(argument.span, "a function can be given numbers and pointers"));
            }
            stored.push(value);
        }
        let function_span = function.span;
        Ok(Call { function: name.clone(), entry, arguments: stored, span: function_span })
    }

    fn assert(
        &self,
        every: Option<&(At<rules::TypeName>, At<String>)>,
        that: &At<Expression>,
    ) -> Result<Assert, Mistake> {
        let mut pairs = PairsOf(self.pairing);
        let mut compiler = self.compiler(&mut pairs);
        let mut id = None;
        if let Some((ty, name)) = every {
            let found = self.new.ty(&ty.is).map_err(|why| {
                Mistake::new(ty.span, format!("the type `{}` {}", ty.is.symbol.name, why.describe()))
            })?;
            id = Some(found.id());
            compiler = compiler.with(name.is.clone(), Sort::Object(Release::New, found));
        }
        Ok(Assert { every: id, span: that.span, that: compiler.condition(that)? })
    }
}

/// An object stands for a pointer to it where a function wants one.
pub(crate) fn pointed_to<'t>(
    compiler: &mut Compiler<'_, 't, 't>,
    argument: &At<Expression>,
    parameter: Type<'t>,
) -> Result<At<Expression>, Mistake> {
    let is_pointer = names::pointee(Some(parameter)).is_some();
    let is_place =
        matches!(argument.is, Expression::Name(_) | Expression::Member(..) | Expression::Index(..));
    if is_pointer && is_place && matches!(compiler.value(argument, None)?.sort, Sort::Object(..)) {
        let is = Expression::Unary(Unary::AddressOf, Box::new(argument.clone()));
        return Ok(At { is, span: argument.span });
    }
    Ok(argument.clone())
}

/// A path that is written to: of what the object has become, or of a variable of the new release.
fn written(path: &At<Path>, object: &str) -> At<Expression> {
    let mut steps = path.is.steps.iter();
    let start = match steps.next() {
        Some(At { is: Step::Member(first), span }) if first == object => name(BECOME, *span),
        Some(At { is: Step::Member(first), span }) => {
            let member = At { is: first.clone(), span: *span };
            At { is: Expression::Member(Box::new(name("to", *span)), member), span: *span }
        }
        _ => name("", path.span),
    };
    below(start, steps, path.span)
}

/// The same of a place with elements of any number: what is between the brackets is read, not written.
fn written_to(place: &At<Expression>, object: &str) -> At<Expression> {
    let is = match &place.is {
        Expression::Name(symbol) if symbol.unit.is_none() && symbol.name == object => {
            return name(BECOME, place.span);
        }
        Expression::Member(of, member) => {
            Expression::Member(Box::new(written_to(of, object)), member.clone())
        }
        Expression::Index(of, index) => Expression::Index(Box::new(written_to(of, object)), index.clone()),
        _ => return place.clone(),
    };
    At { is, span: place.span }
}

/// A name alone.
pub(crate) fn name(name: &str, span: Span) -> At<Expression> {
    At { is: Expression::Name(Symbol { name: name.to_owned(), unit: None }), span }
}

/// What steps lead to from something.
pub(crate) fn below<'a>(
    start: At<Expression>,
    steps: impl Iterator<Item = &'a At<Step>>,
    span: Span,
) -> At<Expression> {
    let mut expression = start;
    for step in steps {
        let inner = Box::new(expression);
        let is = match &step.is {
            Step::Member(name) => Expression::Member(inner, At { is: name.clone(), span: step.span }),
            Step::Index(index) => {
                Expression::Index(inner, Box::new(At { is: Expression::Number(*index), span: step.span }))
            }
        };
        expression = At { is, span };
    }
    expression
}

impl Each {
    /// The objects that it goes through, where it says which. `None`: all of its type.
    pub fn objects(&self, machine: &mut Machine<'_>) -> Result<Option<Vec<u64>>, Failure> {
        let Some(among) = &self.among else { return Ok(None) };
        let Value::Sequence(values) = machine.value(among)? else { return Ok(Some(Vec::new())) };
        let addresses = values.into_iter().filter_map(|value| address(value).ok());
        Ok(Some(addresses.collect()))
    }

    /// Does it for one object: the one that it goes through, and what that has become. What is written is applied at once.
    pub fn run(
        &self,
        object: u64,
        become_of: u64,
        tails: &mut Tails,
        machine: &mut Machine<'_>,
        apply: &mut dyn FnMut(Patch) -> Result<(), Failure>,
    ) -> Result<Vec<Called>, Failure> {
        let of_old = Value::Object(Place { of: self.of, address: object });
        let of_new = match become_of {
            0 => Value::Null,
            address => Value::Object(Place { of: Release::New, address }),
        };
        machine.with([of_old, of_new], |machine| {
            if let Some(condition) = &self.condition
                && !machine.value(condition)?.is_true()
            {
                return Ok(Vec::new());
            }
            let mut called = Vec::new();
            for action in &self.actions {
                match action {
                    Action::Set(place, stored) => {
                        let address = address(machine.value(place)?)?;
                        let mut bytes = vec![0; usize::try_from(stored.size.max(16)).unwrap_or(16)];
                        let len = stored
                            .scalar
                            .map_or(stored.size, |scalar| u64::try_from(scalar.bytes()).unwrap_or(0));
                        bytes.truncate(usize::try_from(len).unwrap_or(0));
                        // Around the bits of a bit-field others lie.
                        machine.read(Place { of: Release::New, address }, &mut bytes)?;
                        machine.store(stored, &mut bytes)?;
                        for patch in machine.take_effects().patches {
                            apply(patch)?;
                        }
                        apply(Patch { address, bytes })?;
                    }
                    Action::Insert { what, back, into, how, end } => {
                        let object = address(machine.value(what)?)?.wrapping_sub(*back);
                        let head = address(machine.value(into)?)?;
                        how.insert(object, head, *end, tails, machine, apply)
                            .map_err(|failure| failure.at(what.span))?;
                    }
                    Action::Call(call) => {
                        called.push(call.values(machine)?);
                        for patch in machine.take_effects().patches {
                            apply(patch)?;
                        }
                    }
                }
            }
            Ok(called)
        })
    }
}

impl Call {
    /// What the function is to be given.
    pub fn values(&self, machine: &mut Machine<'_>) -> Result<Called, Failure> {
        let arguments: Result<Vec<Value>, Failure> =
            self.arguments.iter().map(|argument| machine.value(&argument.code)).collect();
        let arguments = arguments.map_err(|failure| failure.at(self.span))?;
        Ok(Called { function: self.function.clone(), entry: self.entry, arguments })
    }
}

impl Assert {
    /// Whether it is true: of an object of the new release, or once.
    pub fn holds(&self, object: Option<u64>, machine: &mut Machine<'_>) -> Result<bool, Failure> {
        let locals = object.map(|address| Value::Object(Place { of: Release::New, address }));
        machine.with(locals, |machine| Ok(machine.value(&self.that)?.is_true()))
    }
}

fn address(value: Value) -> Result<u64, Failure> {
    match value {
        Value::Object(place) | Value::Pointer(place) => Ok(place.address),
        _ => Err(Failure::new(Reason::NullPointer)),
    }
}
