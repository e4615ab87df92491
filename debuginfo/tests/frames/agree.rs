//! Whether what we see of a held process is what gdb sees.

use crate::gdb::{self, Held};
use crate::process::{Live, Mapped, modules};
use mcrx_debuginfo::frames::{
    End, Location, Memory, Module, Modules, NoEntryValue, Place, Scope, ScopeKind, Stack, State, Unavailable,
    Unwinder, Variable, VariablesError,
};
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Explain, Result, bail, ensure};
use std::collections::BTreeMap;

/// How much there was to compare.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) threads: usize,
    /// Of stacks, by gdb's count: inlined functions too.
    pub(crate) frames: usize,
    pub(crate) inlined: usize,
    pub(crate) variables: usize,
    /// At an address.
    pub(crate) in_memory: usize,
    /// In registers, in pieces, or computed.
    pub(crate) values: usize,
    /// Left out by the compiler here.
    pub(crate) optimised_out: usize,
    /// Pointers to what was left out.
    pub(crate) implicit: usize,
    /// What neither can tell.
    pub(crate) neither: usize,
    /// In a register that the callee need not have kept: gdb shows what the callee left there.
    pub(crate) overwritten: usize,
    /// Of blocks that the pc is not in. To gdb they are optimised out.
    pub(crate) elsewhere: usize,
}

/// Compares all threads of a process: frames, registers, variables, places and values.
pub(crate) fn agrees(held: &Held) -> Result<Count> {
    let mapped = Mapped::of(held.pid())?;
    let described = mapped.described()?;
    let modules = modules(&described);
    let memory = Live(held.pid());
    let mut count = Count::default();
    let mut differences = Vec::new();
    for thread in &held.seen.threads {
        count.threads += 1;
        let stack = Unwinder::new(&modules).walk(thread.registers()?, &memory);
        let mut compare = Compare {
            modules: &modules,
            memory: &memory,
            stack: &stack,
            count: &mut count,
            differences: Vec::new(),
        };
        compare.thread(thread).with_context(|| format!("thread {}", thread.tid))?;
        differences.append(&mut compare.differences);
    }
    ensure!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    Ok(count)
}

struct Compare<'c, 'd> {
    modules: &'c Modules<'d>,
    memory: &'c dyn Memory,
    stack: &'c Stack,
    count: &'c mut Count,
    differences: Vec<String>,
}

/// A function of a frame, its own or inlined, with all variables in its blocks.
struct Instance<'s, 'd> {
    name: Option<&'s str>,
    variables: Vec<&'s Variable<'d>>,
}

impl Compare<'_, '_> {
    fn thread(&mut self, thread: &gdb::Thread) -> Result<()> {
        // Functions that left by a jump have no frame: gdb guesses them from what their callers may call.
        let theirs: Vec<&gdb::Frame> =
            thread.frames.iter().filter(|frame| frame.kind != "tail call").collect();
        let mut theirs = theirs.as_slice();
        for (index, frame) in self.stack.frames.iter().enumerate() {
            let Some(real) = theirs.iter().position(|frame| frame.kind != "inline") else {
                bail!("frame {index} at {:#x}: gdb has no more frames: {}", frame.pc(), self.stack.end);
            };
            let (of_this, rest) = theirs.split_at(real + 1);
            theirs = rest;
            self.count.frames += of_this.len();
            self.count.inlined += of_this.len() - 1;
            let their = of_this[real];
            let name = their.name.as_deref().unwrap_or("?");
            ensure!(their.pc()? == frame.pc(), "{name}: frame {index} is at {:#x}", frame.pc());
            ensure!(frame.is_signal_trampoline == (their.kind == "signal"), "{name}: {}", their.kind);
            // Of the outermost one gdb says 0.
            if let Some(cfa) = frame.cfa.filter(|_| their.cfa().is_ok_and(|cfa| cfa != 0)) {
                ensure!(
                    their.cfa()? == cfa,
                    "{name}: frame {index}'s address is {cfa:#x}, by gdb {:#x}",
                    their.cfa()?
                );
            }
            for (register, value) in their.saved() {
                let ours = frame.registers.get(register);
                ensure!(ours == Some(value), "{name}: {register} is {ours:x?}, by gdb {value:#x}");
            }
            self.frame(index, of_this).with_context(|| format!("{name}, frame {index}"))?;
        }
        ensure!(theirs.is_empty(), "gdb has {} frames more: {}", theirs.len(), self.stack.end);
        ensure!(self.stack.end == End::Outermost, "{}", self.stack.end);
        Ok(())
    }

    fn frame(&mut self, index: usize, theirs: &[&gdb::Frame]) -> Result<()> {
        let is_described = theirs.iter().any(|frame| frame.variables.is_some());
        let scopes = match self.modules.variables(self.stack, index, self.memory) {
            Ok(scopes) => scopes,
            Err(VariablesError::NoDebugInfo(_)) if !is_described => return Ok(()),
            Err(error) => bail!("{error}"),
        };
        let instances = instances(&scopes);
        let names: Vec<_> = instances.iter().map(|instance| instance.name).collect();
        let their_names: Vec<_> = theirs.iter().map(|frame| frame.name.as_deref()).collect();
        // glibc's functions have names of their own for its own use: `raise` is `__GI_raise` to gdb.
        let are_same = |(ours, theirs): (&Option<&str>, &Option<&str>)| match (ours, theirs) {
            (Some(ours), Some(theirs)) => theirs.ends_with(ours),
            (ours, theirs) => ours == theirs,
        };
        let are_all = names.len() == their_names.len() && names.iter().zip(&their_names).all(are_same);
        ensure!(are_all, "{names:?}, by gdb {their_names:?}");
        let frame = self.stack.frames.get(index).context("no such frame")?;
        let table = self.modules.at(frame.lookup()).and_then(Module::table).context("no table")?;
        for (instance, their) in instances.iter().zip(theirs) {
            self.variables(table, instance, their)?;
        }
        Ok(())
    }

    fn variables(&mut self, table: &Table, instance: &Instance<'_, '_>, their: &gdb::Frame) -> Result<()> {
        let function = instance.name.unwrap_or("?");
        let mut ours: BTreeMap<(&str, u32, bool), Vec<&Variable<'_>>> = BTreeMap::new();
        for variable in &instance.variables {
            // gdb does not show what has no name.
            let Some(name) = variable.name.as_deref() else { continue };
            ours.entry((name, variable.line, variable.is_parameter)).or_default().push(variable);
        }
        for variable in their.variables.iter().flatten() {
            self.count.variables += 1;
            let key = (variable.name.as_str(), variable.line, variable.argument);
            let candidates = ours.get_mut(&key).filter(|left| !left.is_empty());
            let Some(candidates) = candidates else {
                // Where the compiler has split or moved blocks of an inlined function, gdb shows the variables of those that are elsewhere.
                if matches!(variable.state, gdb::State::OptimizedOut) {
                    self.count.elsewhere += 1;
                    continue;
                }
                self.differences.push(format!("{function}: {variable:?} is not there"));
                continue;
            };
            // Several of one name and line: copies of one inlined function's.
            let same = candidates.iter().position(|ours| self.same(ours, &variable.state).is_ok());
            let ours = candidates.remove(same.unwrap_or(0));
            if let gdb::State::Memory { size, .. } | gdb::State::Value { size, .. } = &variable.state {
                // The length of some arrays is known to the running program alone.
                let ty = ours.ty.and_then(|ty| table.ty(ty));
                if ty.is_none_or(|ty| ty.size().is_some_and(|ours| ours != *size)) {
                    self.differences.push(format!("{function}: {variable:?} is of {ty:?}"));
                }
            }
            match self.same(ours, &variable.state) {
                Ok(kind) => *self.count.of(kind) += 1,
                Err(why) => self
                    .differences
                    .push(format!("{function}: {}: {why}\n    {ours:?}\n    {variable:?}", variable.name)),
            }
        }
        for left in ours.into_values().flatten() {
            self.differences.push(format!("{function}: gdb has no {left:?}"));
        }
        Ok(())
    }

    fn same(&self, ours: &Variable<'_>, theirs: &gdb::State) -> Result<Kind> {
        match (&ours.state, theirs) {
            (State::OptimisedOut | State::NotLive, gdb::State::OptimizedOut) => Ok(Kind::OptimisedOut),
            // gdb says no more of it than that.
            (State::Unavailable(Unavailable::EntryValue(why)), gdb::State::OptimizedOut) => {
                ensure!(*why != NoEntryValue::NoCaller, "{why}");
                Ok(Kind::OptimisedOut)
            }
            (State::Available(location), gdb::State::Memory { address, size }) => {
                let expected: u64 = address.parse()?;
                ensure!(location.address() == Some(expected), "it is elsewhere");
                self.readable(location, *size)?;
                Ok(Kind::InMemory)
            }
            (State::Available(location), gdb::State::Value { leaves, size, r#type }) => {
                if let [piece] = &location.pieces[..]
                    && let Place::Pointer { .. } = piece.place
                {
                    ensure!(r#type.contains('*'), "a pointer, by gdb {type}");
                    return Ok(Kind::Implicit);
                }
                self.same_value(location, leaves, *size)?;
                Ok(Kind::Value)
            }
            (State::Unavailable(Unavailable::OtherRegister(_)), gdb::State::Value { r#type, .. })
                if r#type.contains("double") || r#type.contains("float") =>
            {
                Ok(Kind::Neither)
            }
            (State::Available(location), gdb::State::OptimizedOut) => {
                let is_missing = |place: &Place<'_>| matches!(place, Place::Missing);
                ensure!(
                    location.pieces.iter().any(|piece| is_missing(&piece.place)),
                    "nothing of it is missing"
                );
                Ok(Kind::OptimisedOut)
            }
            (
                State::Unavailable(Unavailable::Register(register)),
                gdb::State::Value { .. } | gdb::State::OptimizedOut,
            ) if !register.is_callee_saved() => Ok(Kind::Overwritten),
            (State::Unavailable(_), gdb::State::Error) => Ok(Kind::Neither),
            _ => bail!("they differ"),
        }
    }

    fn readable(&self, location: &Location<'_>, size: u64) -> Result<()> {
        // The whole of an array may be more than one wants to read.
        location.read(self.memory, usize::try_from(size.min(1 << 16))?)?;
        Ok(())
    }

    fn same_value(
        &self,
        location: &Location<'_>,
        leaves: &[(usize, usize, Option<String>)],
        size: u64,
    ) -> Result<()> {
        for (offset, len, expected) in leaves {
            // In part, what is before and after may be missing.
            let upto = location.read(self.memory, offset + len);
            match (expected, upto) {
                (Some(expected), Ok(bytes)) => {
                    let mut number = [0; 16];
                    number[..*len].copy_from_slice(&bytes[*offset..]);
                    let (ours, expected) = (u128::from_le_bytes(number), expected.parse::<u128>()?);
                    ensure!(ours == expected, "{ours:#x} at {offset} of {size}, by gdb {expected:#x}");
                }
                (None, Err(Unavailable::InPart)) => {}
                (_, Err(Unavailable::InPart)) if location.pieces.iter().any(|piece| piece.bits.is_some()) => {
                }
                (expected, read) => bail!("{read:?} at {offset}, by gdb {expected:?}"),
            }
        }
        Ok(())
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.threads += other.threads;
        self.frames += other.frames;
        self.inlined += other.inlined;
        self.variables += other.variables;
        self.in_memory += other.in_memory;
        self.values += other.values;
        self.optimised_out += other.optimised_out;
        self.implicit += other.implicit;
        self.neither += other.neither;
        self.overwritten += other.overwritten;
        self.elsewhere += other.elsewhere;
    }
}

enum Kind {
    InMemory,
    Value,
    OptimisedOut,
    Implicit,
    Neither,
    Overwritten,
}

impl Count {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::InMemory => &mut self.in_memory,
            Kind::Value => &mut self.values,
            Kind::OptimisedOut => &mut self.optimised_out,
            Kind::Implicit => &mut self.implicit,
            Kind::Neither => &mut self.neither,
            Kind::Overwritten => &mut self.overwritten,
        }
    }
}

/// The functions of a frame, the one inlined last first, as gdb counts frames.
fn instances<'s, 'd>(scopes: &'s [Scope<'d>]) -> Vec<Instance<'s, 'd>> {
    let mut instances: Vec<Instance<'s, 'd>> = Vec::new();
    let mut of_scope = Vec::new();
    for scope in scopes {
        let instance = match &scope.kind {
            ScopeKind::Function { name, .. } | ScopeKind::Inlined { name, .. } => {
                instances.push(Instance { name: name.as_deref(), variables: Vec::new() });
                instances.len() - 1
            }
            ScopeKind::Block => scope.parent.map_or(0, |parent| of_scope[parent]),
        };
        of_scope.push(instance);
        instances[instance].variables.extend(&scope.variables);
    }
    instances.reverse();
    instances
}
