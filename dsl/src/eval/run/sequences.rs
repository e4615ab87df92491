//! Sequences, lists, arrays, text, and the blocks that are made of them.

use super::{Machine, Patch, nth, zeros};
use crate::diagnostic::Release;
use crate::eval::code::{Code, Linked, Stored};
use crate::eval::failure::{Failure, Reason};
use crate::eval::scalar::{Scalar, Shape};
use crate::eval::value::{Place, Value};
use crate::source::At;
use rustc_hash::FxHashSet;

/// How many elements a sequence may have.
const MOST_ELEMENTS: u64 = 1 << 22;

/// A pointer as it lies in memory.
const POINTER: Scalar = Scalar { shape: Shape::Pointer, size: 8, bits: None };

impl Machine<'_> {
    pub(super) fn sequence(&mut self, code: &At<Code>) -> Result<Value, Failure> {
        match &code.is {
            Code::List(items) => {
                let values: Result<Vec<Value>, Failure> = items.iter().map(|item| self.value(item)).collect();
                values.map(Value::Sequence)
            }
            Code::Nth(of, index) => {
                let values = self.elements(of)?;
                let index = self.integer(index)?;
                let len = len(values.len());
                let value = usize::try_from(index).ok().and_then(|index| values.into_iter().nth(index));
                value.ok_or_else(|| Failure::new(Reason::NoElement { index, len }))
            }
            Code::Slice { of, from, to, stride, count, load } => {
                let from = from.as_ref().map_or(Ok(0), |from| self.integer(from))?;
                let to = to.as_ref().map_or(Ok(i128::from(count.unwrap_or(0))), |to| self.integer(to))?;
                // Of nothing there is nothing to look at: the pointer may be null.
                if to <= from {
                    return Ok(Value::Sequence(Vec::new()));
                }
                let place = self.place(of)?;
                self.slice(place, (from, to), *stride, *count, *load)
            }
            Code::Part(of, from, to) => {
                let (from, to) = (self.integer(from)?, self.integer(to)?);
                match self.value(of)? {
                    Value::Text(text) => part(&text, from, to).map(Value::Text),
                    Value::Sequence(values) => part(&values, from, to).map(Value::Sequence),
                    value => Ok(value),
                }
            }
            Code::Chain(head, next) => {
                let head = self.value(head)?;
                self.chain(head, *next)
            }
            Code::Fold { of, first, each } => {
                let of = self.value(of)?;
                let mut value = self.value(first)?;
                let elements = match of {
                    Value::Sequence(values) => values,
                    Value::Text(text) => {
                        text.into_iter().map(|byte| Value::Integer(i128::from(byte))).collect()
                    }
                    _ => Vec::new(),
                };
                let before = self.locals.len();
                for element in elements {
                    self.locals.extend([value, element]);
                    let next = self.value(each);
                    self.locals.truncate(before);
                    value = next?;
                }
                Ok(value)
            }
            Code::CText(of, most) => {
                let place = self.place(of)?;
                self.text(place, *most).map(Value::Text)
            }
            Code::Length(of) => match self.value(of)? {
                Value::Text(text) => Ok(Value::Integer(i128::from(len(text.len())))),
                Value::Sequence(values) => Ok(Value::Integer(i128::from(len(values.len())))),
                _ => Ok(Value::Integer(0)),
            },
            Code::TextIn(text, room) => {
                let text = self.bytes(text)?;
                let mut bytes = zeros(*room)?;
                if text.len() > bytes.len() {
                    let reason = Reason::TooLong { len: len(text.len()), room: *room, unit: "bytes" };
                    return Err(Failure::new(reason));
                }
                bytes.iter_mut().zip(text).for_each(|(to, from)| *to = from);
                Ok(Value::Bytes(bytes))
            }
            Code::TextWithZero(text) => {
                let mut text = self.bytes(text)?;
                text.push(0);
                Ok(Value::Bytes(text))
            }
            Code::Fill { of, each, room } => self.fill(of, each, *room),
            Code::Allocate(content, element) => {
                let bytes = self.bytes(content)?;
                // An array of no elements has no address.
                if bytes.is_empty() {
                    return Ok(Value::Null);
                }
                self.block(bytes, *element)
            }
            Code::Link { of, element, next, previous } => self.link(of, element, *next, *previous),
            _ => Ok(Value::Null),
        }
    }

    fn elements(&mut self, code: &At<Code>) -> Result<Vec<Value>, Failure> {
        match self.value(code)? {
            Value::Sequence(values) => Ok(values),
            _ => Ok(Vec::new()),
        }
    }

    fn bytes(&mut self, code: &At<Code>) -> Result<Vec<u8>, Failure> {
        match self.value(code)? {
            Value::Bytes(bytes) | Value::Text(bytes) => Ok(bytes),
            _ => Ok(Vec::new()),
        }
    }

    fn slice(
        &mut self,
        place: Place,
        (from, to): (i128, i128),
        stride: u64,
        count: Option<u64>,
        load: Option<Scalar>,
    ) -> Result<Value, Failure> {
        if let Some(count) = count
            && to > i128::from(count)
        {
            return Err(Failure::new(Reason::NoElement { index: to - 1, len: count }));
        }
        if to.checked_sub(from).is_none_or(|len| len > i128::from(MOST_ELEMENTS)) {
            return Err(Failure::new(Reason::TooMany(MOST_ELEMENTS)));
        }
        let mut values = Vec::new();
        for index in from..to {
            self.step(1)?;
            let address = nth(place.address, index, stride, count).map_err(Failure::new)?;
            let place = Place { address, ..place };
            values.push(match load {
                Some(scalar) => self.load(place, scalar)?,
                None => Value::Object(place),
            });
        }
        Ok(Value::Sequence(values))
    }

    /// The objects of a list, or of several.
    fn chain(&mut self, head: Value, next: u64) -> Result<Value, Failure> {
        let mut found = Vec::new();
        match head {
            Value::Sequence(heads) => {
                for head in heads {
                    self.one_chain(head, next, &mut found)?;
                }
            }
            head => self.one_chain(head, next, &mut found)?,
        }
        Ok(Value::Sequence(found))
    }

    /// A list's objects, up to its end or back to its beginning.
    fn one_chain(&mut self, head: Value, next: u64, found: &mut Vec<Value>) -> Result<(), Failure> {
        let mut seen = FxHashSet::default();
        let mut current = head.clone();
        while let Value::Pointer(place) = current {
            if !seen.insert(place.address) {
                if current == head {
                    break;
                }
                return Err(Failure::new(Reason::Endless(place.address)));
            }
            if len(found.len()) >= MOST_ELEMENTS {
                return Err(Failure::new(Reason::TooMany(MOST_ELEMENTS)));
            }
            self.step(1)?;
            found.push(Value::Pointer(place));
            let link = Place { address: place.address.wrapping_add(next), ..place };
            current = self.load(link, POINTER)?;
        }
        Ok(())
    }

    fn fill(&mut self, of: &At<Code>, each: &Stored, room: Option<u64>) -> Result<Value, Failure> {
        let values = self.elements(of)?;
        let count = len(values.len());
        if let Some(room) = room
            && count > room
        {
            return Err(Failure::new(Reason::TooLong { len: count, room, unit: "elements" }));
        }
        let mut bytes = zeros(each.size.saturating_mul(room.unwrap_or(count)))?;
        let stride = usize::try_from(each.size).unwrap_or(usize::MAX).max(1);
        for ((index, value), into) in values.into_iter().enumerate().zip(bytes.chunks_mut(stride)) {
            self.with_element(value, |machine| machine.store(each, into))
                .map_err(|failure| failure.within(&format!("[{index}]")))?;
        }
        Ok(Value::Bytes(bytes))
    }

    /// Runs something with an element as the next local.
    fn with_element<T>(
        &mut self,
        value: Value,
        run: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let before = self.locals.len();
        self.locals.push(value);
        let result = run(self);
        self.locals.truncate(before);
        result
    }

    fn block(
        &mut self,
        bytes: Vec<u8>,
        element: Option<mcrx_debuginfo::table::TypeId>,
    ) -> Result<Value, Failure> {
        let size = len(bytes.len());
        self.step(1 + size / 64)?;
        let address = self.world.allocate(element, size).filter(|address| *address != 0);
        let address = address.ok_or_else(|| Failure::new(Reason::NoRoom(size)))?;
        self.effects.patches.push(Patch { address, bytes });
        Ok(Value::pointer(Release::New, address))
    }

    /// Makes a list of a sequence: each element, then the links between them.
    fn link(
        &mut self,
        of: &At<Code>,
        element: &Linked,
        next: u64,
        previous: Option<u64>,
    ) -> Result<Value, Failure> {
        let mut addresses = Vec::new();
        for (index, value) in self.elements(of)?.into_iter().enumerate() {
            let pointer = self.with_element(value, |machine| match element {
                Linked::There(code) => machine.value(code),
                Linked::New(stored, ty) => {
                    let mut bytes = zeros(stored.size)?;
                    machine.store(stored, &mut bytes)?;
                    machine.block(bytes, Some(*ty))
                }
            });
            let pointer = pointer.map_err(|failure| failure.within(&format!("[{index}]")))?;
            // A null among pointers is no element.
            if let Value::Pointer(place) = pointer {
                addresses.push(place.address);
            }
        }
        let mut before = 0;
        for (index, address) in addresses.iter().copied().enumerate() {
            let after = addresses.get(index + 1).copied().unwrap_or(0);
            self.point(address.wrapping_add(next), after);
            if let Some(previous) = previous {
                self.point(address.wrapping_add(previous), before);
            }
            before = address;
        }
        Ok(Value::pointer(Release::New, addresses.first().copied().unwrap_or(0)))
    }

    fn point(&mut self, at: u64, to: u64) {
        self.effects.patches.push(Patch { address: at, bytes: to.to_le_bytes().to_vec() });
    }
}

/// From one index up to but not with another.
fn part<T: Clone>(all: &[T], from: i128, to: i128) -> Result<Vec<T>, Failure> {
    if to <= from {
        return Ok(Vec::new());
    }
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let part = range.and_then(|(from, to)| all.get(from..to));
    part.map(<[T]>::to_vec)
        .ok_or_else(|| Failure::new(Reason::NoElement { index: to - 1, len: len(all.len()) }))
}

fn len(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
