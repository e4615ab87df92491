//! Recipes, followed for one object.

use super::Migration;
use super::recipe::{Recipe, Step};
use crate::diagnostic::Release;
use crate::eval::value::Place;
use crate::eval::{Failure, Machine, Making, Reason, Scalar, Shape, Value};

/// A pointer as it lies in memory.
const POINTER: Scalar = Scalar { shape: Shape::Pointer, size: 8, bits: None };

/// The largest object that is made at once. Debug info may be damaged.
const LARGEST: u64 = 1 << 32;

/// What steps are done for.
#[derive(Debug, Clone, Copy)]
struct Subject {
    /// The old object or element.
    old: u64,
    /// Bytes up to the old object's end.
    len: u64,
}

impl Subject {
    /// Elements of an array, with their numbers: from a place on, by so many bytes from one to the next. Without a count: up to the end.
    fn elements(self, from: (u64, u64), count: Option<u64>) -> impl Iterator<Item = (u64, Subject)> {
        let there = || self.len.saturating_sub(from.0).checked_div(from.1).unwrap_or(0);
        (0..count.unwrap_or_else(there)).map(move |index| {
            let at = from.0.saturating_add(index.saturating_mul(from.1));
            (index, Subject { old: self.old.wrapping_add(at), len: self.len.saturating_sub(at) })
        })
    }
}

impl Recipe {
    /// A new object's bytes; see [`super::Migration::object`].
    pub fn make(
        &self,
        (old, len): (u64, u64),
        made: &[u64],
        machine: &mut Machine<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let size = self.size(len);
        let room = usize::try_from(size).ok().filter(|_| size <= LARGEST);
        let mut bytes = vec![0; room.ok_or_else(|| Failure::new(Reason::NoRoom(size)))?];
        self.make_into((old, len), made, &mut bytes, machine)?;
        Ok(bytes)
    }

    /// The same into bytes that are there, and zero, but that a step which fails does not end it, nor one of an object or an element inside:
    /// what it makes is left out. Returns which steps failed.
    pub fn make_parts(
        &self,
        migration: &Migration,
        (old, len): (u64, u64),
        made: &[u64],
        into: &mut [u8],
        machine: &mut Machine<'_>,
    ) -> Vec<(usize, Failure)> {
        let subject = Subject { old, len };
        let mut failed = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let locals = self.locals(old, made);
            let mut inside = Vec::new();
            let done = machine.with(locals, |machine| {
                parts(step, subject, into, (migration, machine), &mut inside);
                Ok(())
            });
            inside.extend(done.err());
            failed.extend(inside.into_iter().map(|failure| (index, failure.of(&self.name, old))));
        }
        failed
    }

    /// The same into bytes that are there, and zero.
    pub fn make_into(
        &self,
        (old, len): (u64, u64),
        made: &[u64],
        into: &mut [u8],
        machine: &mut Machine<'_>,
    ) -> Result<(), Failure> {
        let subject = Subject { old, len };
        let locals = self.locals(old, made);
        let result = machine.with(locals, |machine| follow(&self.steps, subject, into, machine));
        result.map_err(|failure| failure.of(&self.name, old))
    }

    /// What rules have names for: the old object, and all that is made of it.
    fn locals<'m>(&self, old: u64, made: &'m [u64]) -> impl Iterator<Item = Value> + use<'m> {
        let object = Value::Object(Place { of: Release::Old, address: old });
        let made = (0..self.named).map(|index| match made.get(index) {
            None | Some(0) => Value::Null,
            Some(address) => Value::Object(Place { of: Release::New, address: *address }),
        });
        std::iter::once(object).chain(made)
    }
}

/// One step, and whatever can be done of it.
fn parts(
    step: &Step,
    subject: Subject,
    into: &mut [u8],
    (migration, machine): (&Migration, &mut Machine<'_>),
    failed: &mut Vec<Failure>,
) {
    match step {
        Step::Object { from, to, how, size, path } => {
            let (Some(recipe), Some(bytes)) = (migration.recipe(*how), part(into, *to, *size)) else {
                return;
            };
            let object = (subject.old.wrapping_add(*from), recipe.old_size);
            let inside = recipe.make_parts(migration, object, &[], bytes, machine);
            failed.extend(inside.into_iter().map(|(_, failure)| failure.within(path)));
        }
        Step::Array { from, to, count, steps, path } => {
            for (index, element) in subject.elements(*from, *count) {
                let start = to.0.saturating_add(index.saturating_mul(to.1));
                let Some(bytes) = part(into, start, to.1) else { break };
                let mut inside = Vec::new();
                for step in steps {
                    parts(step, element, bytes, (migration, machine), &mut inside);
                }
                let place = |failure: Failure| failure.within(&format!("{path}[{index}]"));
                failed.extend(inside.into_iter().map(place));
            }
        }
        _ => failed.extend(one(step, subject, into, machine).err()),
    }
}

fn follow(
    steps: &[Step],
    subject: Subject,
    into: &mut [u8],
    machine: &mut Machine<'_>,
) -> Result<(), Failure> {
    for step in steps {
        one(step, subject, into, machine)?;
    }
    Ok(())
}

fn one(step: &Step, subject: Subject, into: &mut [u8], machine: &mut Machine<'_>) -> Result<(), Failure> {
    let old = |from: u64| Place { of: Release::Old, address: subject.old.wrapping_add(from) };
    match step {
        Step::Copy { from, to, len } => match part(into, *to, *len) {
            Some(bytes) => machine.read(old(*from), bytes),
            None => Ok(()),
        },
        Step::Pointer { from, to, path } => {
            let pointer = machine.load(old(*from), POINTER)?;
            let pointer = translate(pointer, machine).map_err(|failure| failure.within(path))?;
            put(&pointer, POINTER, *to, into);
            Ok(())
        }
        Step::Beside { from, to, how, path } => {
            let pointer = machine.load(old(*from), POINTER)?;
            let pointer = apart(pointer, *how, machine).map_err(|failure| failure.within(path))?;
            put(&pointer, POINTER, *to, into);
            Ok(())
        }
        Step::Number { from, to, path } => {
            let value = machine.load(old(from.0), from.1)?;
            let value = to.1.fit(value).map_err(|reason| Failure::new(reason).within(path))?;
            put(&value, to.1, to.0, into);
            Ok(())
        }
        Step::Constant { from, to, values, others_stay, path } => {
            let value = machine.load(old(from.0), from.1)?.integer().unwrap_or(0);
            let failed = |reason| Failure::new(reason).within(path);
            let new = match values.get(&value) {
                Some(Some(new)) => *new,
                None if *others_stay => value,
                _ => return Err(failed(Reason::NoConstant(value))),
            };
            let value = to.1.fit(Value::Integer(new)).map_err(failed)?;
            put(&value, to.1, to.0, into);
            Ok(())
        }
        Step::Array { from, to, count, steps, path } => {
            for (index, element) in subject.elements(*from, *count) {
                let start = to.0.saturating_add(index.saturating_mul(to.1));
                let Some(bytes) = part(into, start, to.1) else { break };
                follow(steps, element, bytes, machine)
                    .map_err(|failure| failure.within(&format!("{path}[{index}]")))?;
            }
            Ok(())
        }
        Step::Object { from, to, how, size, path } => {
            let Some(bytes) = part(into, *to, *size) else { return Ok(()) };
            let migrate = machine.migrate();
            migrate.migrate(*how, old(*from).address, bytes, machine).map_err(|failure| failure.within(path))
        }
        Step::Choose { which, choices } => {
            let which = machine.value(which)?.integer().unwrap_or(-1);
            let chosen = usize::try_from(which).ok().and_then(|which| choices.get(which));
            chosen.map_or(Ok(()), |steps| follow(steps, subject, into, machine))
        }
        Step::Set { to, value, path } => {
            let start = usize::try_from(*to).unwrap_or(usize::MAX);
            let bytes = into.get_mut(start..).unwrap_or_default();
            machine.store(value, bytes).map_err(|failure| failure.within(path))
        }
        Step::Zero { .. } => Ok(()),
        Step::Refuse { reason, path } => Err(Failure::new(reason.clone()).within(path)),
    }
}

/// What a pointer is in the new release.
fn translate(pointer: Value, machine: &Machine<'_>) -> Result<Value, Failure> {
    let Value::Pointer(place) = pointer else { return Ok(pointer) };
    match machine.world().counterpart(place.address) {
        Some(new) => Ok(Value::pointer(Release::New, new)),
        None => Err(Failure::new(Reason::NoCounterpart(place.address))),
    }
}

/// What is split off the object that a pointer leads to.
fn apart(pointer: Value, how: Making, machine: &Machine<'_>) -> Result<Value, Failure> {
    let Value::Pointer(place) = pointer else { return Ok(pointer) };
    match machine.world().apart(place.address, how) {
        Some(new) => Ok(Value::pointer(Release::New, new)),
        None => Err(Failure::new(Reason::NoCounterpart(place.address))),
    }
}

fn put(value: &Value, scalar: Scalar, to: u64, into: &mut [u8]) {
    let len = u64::try_from(scalar.bytes()).unwrap_or(0);
    if let Some(bytes) = part(into, to, len) {
        scalar.write(value, bytes);
    }
}

fn part(bytes: &mut [u8], start: u64, len: u64) -> Option<&mut [u8]> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    bytes.get_mut(start..end)
}
