//! From [`Code`] to values: for each object.
//!
//! What an expression makes beside its value (blocks, elements of a list, links from one to the next) is collected in [`Effects`]: it may
//! be of objects that have not migrated yet, so it is to be applied when all have.

mod numbers;
mod sequences;

use super::code::{Code, Making, Stored, Test};
use super::failure::{Failure, Reason};
use super::scalar::{MOST_BYTES, Scalar};
use super::value::{Place, Value};
use super::world::World;
use crate::diagnostic::Release;
use crate::source::At;

/// How many steps one object's migration may take: some seconds.
const MOST_STEPS: u64 = 1 << 26;

/// How deep objects may be in objects that are migrated for them.
const DEEPEST: u32 = 24;

/// How many expressions may be in each other: what a compiled one may have, and some more for objects inside.
const MOST_NESTED: u32 = 320;

/// The longest text up to a zero.
const LONGEST_TEXT: usize = 1 << 20;

/// Makes objects of the new release from old ones: for objects inside of values.
pub trait Migrate {
    /// The bytes of a new object, made from what lies at an old address.
    fn migrate(
        &self,
        how: Making,
        old: u64,
        into: &mut [u8],
        machine: &mut Machine<'_>,
    ) -> Result<(), Failure>;

    /// The same for an object that a rule takes whole, wherever it lies.
    fn take(&self, how: Making, old: u64, into: &mut [u8], machine: &mut Machine<'_>) -> Result<(), Failure> {
        self.migrate(how, old, into, machine)
    }
}

/// No objects become others.
#[derive(Debug, Clone, Copy)]
pub struct NoMigration;

impl Migrate for NoMigration {
    fn migrate(&self, _: Making, old: u64, _: &mut [u8], _: &mut Machine<'_>) -> Result<(), Failure> {
        Err(Failure::new(Reason::NoCounterpart(old)))
    }
}

/// Bytes for the new release's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where.
    pub address: u64,
    /// What.
    pub bytes: Vec<u8>,
}

/// What evaluation made beside values: to be written in this order when all objects are where they are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// In order.
    pub patches: Vec<Patch>,
}

/// Evaluates compiled expressions.
pub struct Machine<'w> {
    world: &'w dyn World,
    migrate: &'w dyn Migrate,
    /// Bytes of old memory that are at hand, and their address.
    resident: (u64, &'w [u8]),
    locals: Vec<Value>,
    /// The first local of the object that is being migrated.
    base: usize,
    depth: u32,
    /// How many expressions are in each other at this moment.
    nesting: u32,
    steps: u64,
    effects: Effects,
}

impl<'w> Machine<'w> {
    /// One that has made nothing yet.
    pub fn new(world: &'w dyn World, migrate: &'w dyn Migrate) -> Machine<'w> {
        Machine {
            world,
            migrate,
            resident: (0, &[]),
            locals: Vec::new(),
            base: 0,
            depth: 0,
            nesting: 0,
            steps: 0,
            effects: Effects::default(),
        }
    }

    /// With some old memory at hand, so that the world is not asked for it.
    #[must_use]
    pub fn holding(self, address: u64, bytes: &'w [u8]) -> Machine<'w> {
        Machine { resident: (address, bytes), ..self }
    }

    /// What it sees.
    pub fn world(&self) -> &'w dyn World {
        self.world
    }

    /// How objects inside of others are made.
    pub fn migrate(&self) -> &'w dyn Migrate {
        self.migrate
    }

    /// What was made since it was last asked.
    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Runs something with these as its locals, in the order in which the compiler was told of them.
    pub fn with<T>(
        &mut self,
        locals: impl IntoIterator<Item = Value>,
        run: impl FnOnce(&mut Machine<'w>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth >= DEEPEST {
            return Err(Failure::new(Reason::TooMuchWork));
        }
        let (outer, before) = (self.base, self.locals.len());
        self.base = before;
        self.locals.extend(locals);
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        self.locals.truncate(before);
        self.base = outer;
        result
    }

    /// The value of an expression.
    pub fn value(&mut self, code: &At<Code>) -> Result<Value, Failure> {
        if self.nesting >= MOST_NESTED {
            return Err(Failure::new(Reason::TooMuchWork).at(code.span));
        }
        self.nesting += 1;
        let value = self.step(1).and_then(|()| self.evaluate(code));
        self.nesting -= 1;
        value.map_err(|failure| failure.at(code.span))
    }

    /// Puts a value where it belongs; the bytes are those of its place.
    pub fn store(&mut self, stored: &Stored, into: &mut [u8]) -> Result<(), Failure> {
        let value = self.value(&stored.code)?;
        match (&stored.scalar, value) {
            (Some(scalar), value) => {
                let len = scalar.bytes().min(into.len());
                if let Some(bytes) = into.get_mut(..len) {
                    scalar.write(&value, bytes);
                }
            }
            (None, Value::Bytes(bytes)) => {
                into.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            }
            (None, _) => into.fill(0),
        }
        Ok(())
    }

    /// Copies memory.
    pub fn read(&self, place: Place, into: &mut [u8]) -> Result<(), Failure> {
        let (start, bytes) = self.resident;
        if place.of == Release::Old && place.address >= start {
            let at = usize::try_from(place.address - start).ok();
            let at_hand = at.and_then(|at| bytes.get(at..at.checked_add(into.len())?));
            if let Some(bytes) = at_hand {
                into.copy_from_slice(bytes);
                return Ok(());
            }
        }
        let read = self.world.read(place.of, place.address, into);
        read.map_err(|_| Failure::new(Reason::Unreadable(place.address)))
    }

    /// A number or pointer that lies somewhere.
    pub fn load(&self, place: Place, scalar: Scalar) -> Result<Value, Failure> {
        let mut buffer = [0; MOST_BYTES];
        let bytes = buffer.get_mut(..scalar.bytes()).unwrap_or_default();
        self.read(place, bytes)?;
        scalar.read(place.of, bytes).map_err(Failure::new)
    }

    /// Text up to a zero, at most so long.
    pub fn text(&self, place: Place, most: Option<u64>) -> Result<Vec<u8>, Failure> {
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(LONGEST_TEXT);
        let mut text = Vec::new();
        // In pieces that do not cross a page; byte by byte where what can be read ends before a page does.
        let mut longest = 64;
        while text.len() < most {
            let at = place.address.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
            let to_page = usize::try_from(64 - at % 64).unwrap_or(64);
            let mut piece = [0; 64];
            let piece = piece.get_mut(..to_page.min(longest).min(most - text.len())).unwrap_or_default();
            match self.read(Place { address: at, ..place }, piece) {
                Err(_) if longest > 1 => {
                    longest = 1;
                    continue;
                }
                result => result?,
            }
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(piece.get(..end).unwrap_or_default());
                return Ok(text);
            }
            text.extend_from_slice(piece);
        }
        if text.len() >= LONGEST_TEXT {
            return Err(Failure::new(Reason::TooMany(1 << 20)));
        }
        Ok(text)
    }

    fn step(&mut self, steps: u64) -> Result<(), Failure> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS { Err(Failure::new(Reason::TooMuchWork)) } else { Ok(()) }
    }

    fn evaluate(&mut self, code: &At<Code>) -> Result<Value, Failure> {
        let fail = |reason| Err(Failure::new(reason));
        match &code.is {
            Code::Constant(value) => Ok(value.clone()),
            Code::Local(index) => Ok(self.locals.get(self.base + index).cloned().unwrap_or(Value::Null)),
            Code::Variable(of, linked) => match self.world.loaded(*of, *linked) {
                Some(address) => Ok(Value::Object(Place { of: *of, address })),
                None => fail(Reason::NotLoaded(linked.0)),
            },
            Code::Function(of, linked) => match self.world.loaded(*of, *linked) {
                Some(address) => Ok(Value::pointer(*of, address)),
                None => fail(Reason::NotLoaded(linked.0)),
            },
            Code::Offset(object, offset) => {
                let place = self.place(object)?;
                Ok(Value::Object(Place { address: place.address.wrapping_add(*offset), ..place }))
            }
            Code::Follow(pointer) | Code::Refer(pointer) => {
                let place = self.place(pointer)?;
                let is_object = matches!(code.is, Code::Follow(_));
                Ok(if is_object { Value::Object(place) } else { Value::Pointer(place) })
            }
            Code::Load(object, scalar) => {
                let place = self.place(object)?;
                self.load(place, *scalar)
            }
            Code::Element { of, index, stride, count } => {
                let place = self.place(of)?;
                let index = self.integer(index)?;
                let address = nth(place.address, index, *stride, *count).map_err(Failure::new)?;
                Ok(Value::Object(Place { address, ..place }))
            }
            Code::Negate(_)
            | Code::Complement(..)
            | Code::Binary(..)
            | Code::Compare(..)
            | Code::Distance(..)
            | Code::Extreme { .. }
            | Code::Clamp(..) => self.number(code),
            Code::Not(operand) => Ok(Value::Truth(!self.value(operand)?.is_true())),
            Code::Logic(operator, one, other) => {
                let first = self.value(one)?.is_true();
                let is_decided = first == (*operator == crate::rules::Binary::Either);
                Ok(Value::Truth(if is_decided { first } else { self.value(other)?.is_true() }))
            }
            Code::Conditional(condition, yes, no) => {
                let which = if self.value(condition)?.is_true() { yes } else { no };
                self.value(which)
            }
            Code::Else(first, second) => {
                let (locals, patches) = (self.locals.len(), self.effects.patches.len());
                match self.value(first) {
                    Err(failure) if failure.reason.is_absence() => {
                        self.locals.truncate(locals);
                        self.effects.patches.truncate(patches);
                        self.value(second)
                    }
                    result => result,
                }
            }
            Code::Match(subject, choices, otherwise) => {
                let subject = self.value(subject)?;
                for (tests, then) in choices {
                    if tests.iter().any(|test| self.passes(test, &subject)) {
                        return self.value(then);
                    }
                }
                match otherwise {
                    Some(otherwise) => self.value(otherwise),
                    None => fail(Reason::NoArm(subject.to_string())),
                }
            }
            Code::Let(values, body) => {
                let before = self.locals.len();
                let mut new = Vec::with_capacity(values.len());
                for value in values {
                    new.push(self.value(value)?);
                }
                self.locals.extend(new);
                let result = self.value(body);
                self.locals.truncate(before);
                result
            }
            Code::Fail(why) => fail(Reason::Refused(why.clone())),
            Code::Undecided(why) => fail(Reason::Undecided(why.clone())),
            Code::Fit(value, scalar) => {
                let value = self.value(value)?;
                scalar.fit(value).map_err(Failure::new)
            }
            Code::Renumber(value, values) => {
                let number = self.integer(value)?;
                match values.get(&number) {
                    Some(Some(new)) => Ok(Value::Integer(*new)),
                    Some(None) => fail(Reason::NoConstant(number)),
                    None => Ok(Value::Integer(number)),
                }
            }
            Code::Translate(pointer, bytes) => {
                let pointer = self.value(pointer)?;
                self.translated(pointer, *bytes)
            }
            Code::Migrate(object, how, size) => {
                let place = self.place(object)?;
                let mut bytes = zeros(*size)?;
                self.migrate.take(*how, place.address, &mut bytes, self)?;
                Ok(Value::Bytes(bytes))
            }
            Code::Copy(object, size) => {
                let place = self.place(object)?;
                let mut bytes = zeros(*size)?;
                self.read(place, &mut bytes)?;
                Ok(Value::Bytes(bytes))
            }
            Code::Build(size, parts) => {
                let mut bytes = zeros(*size)?;
                for (offset, part) in parts {
                    let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                    self.store(part, bytes.get_mut(start..).unwrap_or_default())?;
                }
                Ok(Value::Bytes(bytes))
            }
            Code::Nth(..)
            | Code::Slice { .. }
            | Code::Part(..)
            | Code::Chain(..)
            | Code::Fold { .. }
            | Code::CText(..)
            | Code::List(_)
            | Code::Length(_)
            | Code::TextIn(..)
            | Code::TextWithZero(_)
            | Code::Fill { .. }
            | Code::Allocate(..)
            | Code::Link { .. } => self.sequence(code),
        }
    }

    /// An object, or what a pointer leads to.
    fn place(&mut self, code: &At<Code>) -> Result<Place, Failure> {
        match self.value(code)? {
            Value::Object(place) | Value::Pointer(place) => Ok(place),
            _ => Err(Failure::new(Reason::NullPointer)),
        }
    }

    fn integer(&mut self, code: &At<Code>) -> Result<i128, Failure> {
        let value = self.value(code)?;
        Ok(value.integer().unwrap_or(0))
    }

    /// An old pointer as the new release is to use it.
    fn translated(&self, pointer: Value, bytes: u64) -> Result<Value, Failure> {
        match pointer {
            Value::Pointer(Place { of: Release::Old, address }) => {
                match self.world.counterpart_of(address, bytes) {
                    Some(new) => Ok(Value::pointer(Release::New, new)),
                    None => Err(Failure::new(Reason::NoCounterpart(address))),
                }
            }
            value => Ok(value),
        }
    }

    fn passes(&self, test: &Test, value: &Value) -> bool {
        match (test, value) {
            (Test::Integers(numbers), value) => {
                value.integer().is_some_and(|number| numbers.contains(&number))
            }
            (Test::Bits { mask, value: wanted }, value) => {
                value.integer().is_some_and(|number| number & i128::from(*mask) == i128::from(*wanted))
            }
            (Test::Places(places), Value::Pointer(place)) => {
                self.world.linked(place.of, place.address).is_some_and(|linked| places.contains(&linked))
            }
            (Test::Null, Value::Null) => true,
            (Test::Truth(wanted), value) => value.is_true() == *wanted,
            _ => false,
        }
    }
}

/// The address of an element.
fn nth(start: u64, index: i128, stride: u64, count: Option<u64>) -> Result<u64, Reason> {
    let none = || Reason::NoElement { index, len: count.unwrap_or(0) };
    if let Some(count) = count
        && !(0..i128::from(count)).contains(&index)
    {
        return Err(none());
    }
    let offset = index.checked_mul(i128::from(stride)).ok_or(Reason::Overflow)?;
    let address = i128::from(start).checked_add(offset).ok_or(Reason::Overflow)?;
    u64::try_from(address).map_err(|_| Reason::Overflow)
}

/// Memory for an object's bytes. Sizes come from debug info, which may be damaged.
fn zeros(size: u64) -> Result<Vec<u8>, Failure> {
    const LARGEST: usize = 1 << 30;
    let len = usize::try_from(size).ok().filter(|len| *len <= LARGEST);
    len.map(|len| vec![0; len]).ok_or_else(|| Failure::new(Reason::NoRoom(size)))
}
