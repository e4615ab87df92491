//! Stacks and registers of threads.
//!
//! A frame with debug info has its live variables as roots, and nothing else: what the compiler says is dead gives false hits. A frame
//! without is read as bytes, and so is all above the last frame that could be unwound; so are the registers that it will get back from
//! the frames below, which may have saved them where they are not looked at.

use super::data::size_of;
use super::{Root, RootKind};
use crate::debug::Debug;
use crate::image::{Mapping, MappingKind, Process, Thread, ThreadMemory};
use crate::model::Model;
use mcrx_debuginfo::dwarf::Dwarf;
use mcrx_debuginfo::frames::{Frame, Module, Modules, Register, Stack, State, Unwinder, VariablesError};
use std::ops::Range;

/// Bytes below the stack pointer that a function may use all the same (System V ABI for AMD64, 3.2.2).
const RED_ZONE: u64 = 128;
/// Registers that a function leaves as it found them (the same, figure 3.4).
const SAVED: [Register; 6] =
    [Register::Rbx, Register::Rbp, Register::R12, Register::R13, Register::R14, Register::R15];
/// Bytes of a register, and of a word.
const WORD: u64 = 8;

/// What was found.
#[derive(Default)]
pub(super) struct Stacks {
    pub(super) roots: Vec<Root>,
    /// Bytes that are dead, or read by their types.
    pub(super) covered: Vec<Range<u64>>,
}

pub(super) fn find(process: &Process, debug: &Debug, tables: &[Option<usize>], model: &Model<'_>) -> Stacks {
    let dwarfs: Vec<Option<Dwarf<'_>>> = debug
        .modules
        .iter()
        .zip(tables)
        .map(|(described, table)| table.and(described.binary.as_ref())?.dwarf().ok())
        .collect();
    let described = process.modules.iter().zip(&debug.modules).zip(&dwarfs);
    let modules = Modules::new(described.filter_map(|((module, described), dwarf)| {
        let found = Module::new(described.binary.as_ref()?, module.bias, module.range.clone());
        Some(match (dwarf, &described.table) {
            (Some(dwarf), Some(table)) => found.described_by(dwarf, table),
            _ => found,
        })
    }));
    let mut stacks = Stacks::default();
    let mut unwinder = Unwinder::new(&modules);
    for thread in &process.threads {
        let memory = ThreadMemory::new(process, thread);
        let stack = unwinder.walk(thread.registers.for_unwinding(), &memory);
        stacks.add_registers(thread);
        stacks.add_dead(process, thread);
        let reader = Reader { process, tables, model, modules: &modules, memory, thread };
        reader.add(&stack, &mut stacks);
    }
    stacks
}

impl Stacks {
    fn add_registers(&mut self, thread: &Thread) {
        for (register, value) in thread.registers.general() {
            self.add_register(format!("register {register} of thread {}", thread.tid), value);
        }
    }

    fn add_register(&mut self, name: String, value: u64) {
        let (kind, value) = (RootKind::Register, Some(value.to_le_bytes().to_vec()));
        self.roots.push(Root { name, kind, address: 0, len: WORD, ty: None, value });
    }

    /// Registers of a frame without debug info, as the frames below it will leave them.
    fn add_saved(&mut self, thread: &Thread, frame: &Frame) {
        for register in SAVED {
            if let Some(value) = frame.registers.get(register) {
                let name =
                    format!("register {register} in the frame at {:#x} of thread {}", frame.pc(), thread.tid);
                self.add_register(name, value);
            }
        }
    }

    /// What is below the stack pointer, in its mapping.
    fn add_dead(&mut self, process: &Process, thread: &Thread) {
        let top = thread.registers.rsp.saturating_sub(RED_ZONE);
        // A stack that the program made for itself (for signal handlers, for coroutines) may have other things below it. That of a
        // thread of the C library has its thread pointer at the end.
        let is_stack = |mapping: &&Mapping| match mapping.kind {
            MappingKind::Stack => true,
            MappingKind::Anonymous { .. } => mapping.range.contains(&thread.registers.fs_base),
            _ => false,
        };
        if let Some(mapping) = process.mapping_at(thread.registers.rsp).filter(is_stack)
            && mapping.range.start < top
        {
            // Two threads on one mapping: only what is below both is known to be dead.
            let others = process.threads.iter().map(|thread| thread.registers.rsp.saturating_sub(RED_ZONE));
            let lowest = others.filter(|rsp| mapping.range.contains(rsp)).min().unwrap_or(top);
            self.covered.push(mapping.range.start..lowest.min(top));
        }
    }
}

struct Reader<'r, 'd> {
    process: &'r Process,
    tables: &'r [Option<usize>],
    model: &'r Model<'r>,
    modules: &'r Modules<'d>,
    memory: ThreadMemory<'r>,
    thread: &'r Thread,
}

impl Reader<'_, '_> {
    fn add(&self, stack: &Stack, stacks: &mut Stacks) {
        let mut start = self.thread.registers.rsp.saturating_sub(RED_ZONE);
        let mut is_above_described = false;
        for (number, frame) in stack.frames.iter().enumerate() {
            let variables = self.variables(stack, number);
            if is_above_described && variables.is_err() {
                stacks.add_saved(self.thread, frame);
            }
            is_above_described |= variables.is_ok();
            let Some(end) = frame.cfa.filter(|end| *end > start) else { return };
            if let Ok(roots) = variables {
                // A variable may lie in a caller's frame; what is read by its type there is no dead byte.
                stacks.covered.push(start..end);
                stacks.roots.extend(roots);
            }
            start = end;
        }
    }

    fn variables(&self, stack: &Stack, number: usize) -> Result<Vec<Root>, VariablesError> {
        let scopes = self.modules.variables(stack, number, &self.memory)?;
        let pc = stack.frames.get(number).map_or(0, |frame| frame.lookup());
        let index = self.process.modules.partition_point(|module| module.range.start <= pc);
        let table = index.checked_sub(1).and_then(|index| *self.tables.get(index)?);
        let mut function = String::new();
        let mut roots = Vec::new();
        for scope in &scopes {
            use mcrx_debuginfo::frames::ScopeKind::{Block, Function, Inlined};
            match &scope.kind {
                Function { name: Some(name), .. } | Inlined { name: Some(name), .. } => {
                    function = name.clone().into_owned();
                }
                Function { .. } | Inlined { .. } | Block => {}
            }
            for variable in &scope.variables {
                let State::Available(location) = &variable.state else { continue };
                let number = table.and_then(|table| self.model.number_of(table, variable.ty?));
                let Some(size) = number.and_then(|ty| size_of(self.model.ty(ty)?)) else { continue };
                let Ok(len) = u64::try_from(size) else { continue };
                let name = variable.name.as_deref().unwrap_or("?");
                let name = format!("{name} in {function} of thread {}", self.thread.tid);
                let kind = RootKind::Local;
                match location.address() {
                    Some(address) => {
                        roots.push(Root { name, kind, address, len, ty: number, value: None });
                    }
                    None => {
                        let Ok(value) = location.read(&self.memory, size) else { continue };
                        roots.push(Root { name, kind, address: 0, len, ty: number, value: Some(value) });
                    }
                }
            }
        }
        Ok(roots)
    }
}
