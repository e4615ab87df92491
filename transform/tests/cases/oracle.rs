//! What a process's memory means, in a form that two processes of one release share if and only if their state is the same.
//!
//! ```text
//!   variables (debug info) --leaf--> scalars, pointers --extent--> all typed extents that are reached --number--> lines
//!
//!   conns = &#0           a pointer: to the first object that was met
//!   #0: = conn * 1        it, and what it holds; bits that nothing owns are left out
//!   #0.fd = 5
//!   #0.state = BUSY       constants by name
//!   #0.handler = on_read  functions by name
//!   #0.next = &#0.link    back, to a member of it
//! ```
//!
//! It is written against the transform: it has the debug info of the release, the memory, and what rule files say of how memory reads (plain
//! data; it evaluates them itself). It knows neither the allocator's tables nor anything that the tracer or the transform found out: how far an
//! object goes is told by the type of the pointer that leads to it, and by the largest object that has it inside.

#[path = "oracle/extent.rs"]
mod extent;
#[path = "oracle/leaf.rs"]
mod leaf;

use extent::Extents;
use leaf::{Leaf, Walk};
use mcrx_debuginfo::table::{Address, Storage, Table, Type};
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Memory, Module};
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// A process to be read.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Its memory.
    pub(crate) memory: &'a Memory,
    /// All that is loaded.
    pub(crate) modules: &'a [Module],
    /// The program among them.
    pub(crate) program: &'a Module,
    /// The program's debug info.
    pub(crate) table: &'a Table,
    /// How its memory reads.
    pub(crate) facts: &'a Facts,
    /// Members that point just past what they are about, by owner and name: no type and no fact tells.
    pub(crate) ends: &'a [(String, String)],
    /// A bit that is taken for its opposite: for tests of this module.
    pub(crate) flipped: Option<Bit>,
}

/// A bit of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bit {
    pub(crate) address: u64,
    /// 0 to 7.
    pub(crate) bit: u8,
}

impl<'a> Subject<'a> {
    /// Bytes. `None`: they are not there.
    fn bytes(&self, address: u64, len: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        self.memory.read(address, &mut bytes).ok()?;
        if let Some(Bit { address: at, bit }) = self.flipped
            && let Some(byte) =
                at.checked_sub(address).and_then(|at| bytes.get_mut(usize::try_from(at).ok()?))
        {
            *byte ^= 1 << bit;
        }
        Some(bytes)
    }

    /// A number of up to 16 bytes.
    fn number(&self, address: u64, len: u64) -> Option<u128> {
        let bytes = self.bytes(address, len)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    /// Up to a zero.
    fn text(&self, address: u64) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        while let Some(byte) = self.bytes(address.checked_add(u64::try_from(text.len()).ok()?)?, 1) {
            match byte[0] {
                0 => return Some(text),
                byte => text.push(byte),
            }
            if text.len() > 4096 {
                break;
            }
        }
        None
    }

    /// The program's variables, by name.
    fn variables(&self) -> Vec<(&'a str, u64, Type<'a>)> {
        let table = self.table;
        let of_program = table.variables().filter(|variable| variable.storage() == Storage::Static);
        let mut found: Vec<_> = of_program
            .filter_map(|variable| {
                Some((variable.name(), self.program.mapped(variable.address().0), variable.ty()?))
            })
            .collect();
        found.sort_by_key(|(name, address, _)| (*name, *address));
        found.dedup_by_key(|(name, address, _)| (*name, *address));
        found
    }

    /// A function of the program at its first instruction, by name.
    fn function(&self, address: u64) -> Option<&'a str> {
        let linked = Address(self.program.linked(address));
        let function = self.table.function_at(linked)?;
        (function.code()?.0 == linked).then(|| function.name())
    }
}

/// The form: a line for each object, and for each value in it, in the order in which they are met from the variables on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    pub(crate) lines: Vec<Line>,
}

/// One of its lines.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) place: String,
    pub(crate) value: String,
    /// Where it was read, and how many bits: not part of what the form says.
    pub(crate) from: (u64, u64),
}

impl PartialEq for Line {
    fn eq(&self, other: &Line) -> bool {
        (&self.place, &self.value) == (&other.place, &other.value)
    }
}

impl Eq for Line {}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {}", self.place, self.value)
    }
}

impl Form {
    /// Of a process.
    pub(crate) fn of(subject: Subject<'_>) -> Form {
        let walk = Walk { subject };
        let mut extents = Extents::default();
        let variables = subject.variables();
        for (name, address, ty) in &variables {
            extents.add_variable(&walk, name, *address, *ty);
        }
        extents.follow(&walk);
        let mut writer =
            Writer { walk, extents: &extents, numbers: HashMap::new(), waiting: VecDeque::new() };
        let mut lines = Vec::new();
        for (name, address, ty) in variables {
            writer.object(name, address, ty, 1, &mut lines);
        }
        while let Some((number, index)) = writer.waiting.pop_front() {
            let Some(extent) = extents.get(index) else { continue };
            let name = format!("#{number}");
            let kind = format!("{} * {}", leaf::spelled(extent.ty), extent.count);
            lines.push(Line { place: format!("{name}:"), value: kind, from: (extent.start, 0) });
            writer.object(&name, extent.start, extent.ty, extent.count, &mut lines);
        }
        Form { lines }
    }

    /// What differs from another form, at most so many lines of it. Empty: nothing.
    pub(crate) fn difference(&self, expected: &Form, most: usize) -> String {
        let mut told = String::new();
        let mut count = 0;
        let mut tell = |sign: &str, line: &Line| {
            count += 1;
            if count <= most {
                told.push_str(&format!("  {sign} {line}\n"));
            }
        };
        let by_place = |form: &Form| -> HashMap<String, String> {
            form.lines.iter().map(|line| (line.place.clone(), line.value.clone())).collect()
        };
        let (is, was) = (by_place(self), by_place(expected));
        for line in &expected.lines {
            if is.get(&line.place) != Some(&line.value) {
                tell("expected", line);
                for found in self.lines.iter().filter(|found| found.place == line.place) {
                    tell("   found", found);
                }
            }
        }
        for line in self.lines.iter().filter(|line| !was.contains_key(&line.place)) {
            tell("   added", line);
        }
        if count == 0 && self != expected {
            told.push_str("  the same lines in another order\n");
        }
        told
    }
}

/// Numbers objects as they are met.
struct Writer<'w, 'a> {
    walk: Walk<'a>,
    extents: &'w Extents<'a>,
    /// By the place of the extent.
    numbers: HashMap<usize, usize>,
    waiting: VecDeque<(usize, usize)>,
}

impl<'a> Writer<'_, 'a> {
    fn object(&mut self, name: &str, address: u64, ty: Type<'a>, count: u64, lines: &mut Vec<Line>) {
        let walk = self.walk;
        walk.elements(address, ty, count, name, &mut |place, leaf, from| {
            let value = self.value(&leaf);
            lines.push(Line { place, value, from });
        });
    }

    fn value(&mut self, leaf: &Leaf<'a>) -> String {
        let Leaf::Pointer(pointer) = leaf else { return leaf.plain() };
        let tag = if pointer.tag == 0 { String::new() } else { format!(" | {:#x}", pointer.tag) };
        if pointer.address == 0 {
            return format!("null{tag}");
        }
        let (at, past) = match pointer.is_end {
            true => (pointer.address.wrapping_sub(pointer.size()), "+1"),
            false => (pointer.address, ""),
        };
        if let Some((index, path)) = self.extents.place(at, pointer.size()) {
            let name = match self.extents.get(index).and_then(|extent| extent.variable) {
                Some(variable) => variable.to_owned(),
                None => format!("#{}", self.number(index)),
            };
            return format!("&{name}{path}{past}{tag}");
        }
        format!("{}{past}{tag}", self.elsewhere(at))
    }

    /// What is no object: functions, constants, libraries.
    fn elsewhere(&self, address: u64) -> String {
        let subject = self.walk.subject;
        if let Some(name) = subject.function(address) {
            return name.to_owned();
        }
        match subject.modules.iter().find(|module| module.range.contains(&address)) {
            Some(module) if std::ptr::eq(module, subject.program) => match subject.text(address) {
                Some(text) => format!("text {}", leaf::quoted(&text)),
                None => "something of the program".to_owned(),
            },
            Some(module) => format!("{}+{:#x}", module.path.display(), module.linked(address)),
            None if subject.bytes(address, 1).is_some() => "something".to_owned(),
            None => "nowhere".to_owned(),
        }
    }

    fn number(&mut self, index: usize) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(index).or_insert_with(|| {
            self.waiting.push_back((next, index));
            next
        })
    }
}
