//! Where the threads of a process are: the functions that have called each other, from the one that a thread was started with to the
//! innermost.
//!
//! What it does not do: read variables. For roots, [`crate::roots`] does.

use crate::debug::Debug;
use crate::image::{Process, Thread, ThreadMemory};
use mcrx_debuginfo::frames::{Frame, Module, Modules, Unwinder};
use mcrx_debuginfo::table::Address;
use std::path::PathBuf;

/// One function that has called the next, or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The file that it is in. `None`: in none.
    pub file: Option<PathBuf>,
    /// Where it goes on, as linked.
    pub linked: Address,
    /// What it is called, if its file's symbols or debug info tell.
    pub function: Option<String>,
}

/// Of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// Its number.
    pub tid: u32,
    /// The system call that it waits in.
    pub blocked_in: Option<u32>,
    /// The outermost first.
    pub calls: Vec<Call>,
}

/// Of all threads of a process, in its order. Where a stack cannot be unwound any more, what is further out is left out.
pub fn of(process: &Process, debug: &Debug) -> Vec<Calls> {
    let described = process.modules.iter().zip(&debug.modules);
    let modules = Modules::new(described.filter_map(|(module, described)| {
        Some(Module::new(described.binary.as_ref()?, module.bias, module.range.clone()))
    }));
    let mut unwinder = Unwinder::new(&modules);
    let of_thread = |thread: &Thread| {
        let memory = ThreadMemory::new(process, thread);
        let stack = unwinder.walk(thread.registers.for_unwinding(), &memory);
        let calls = stack.frames.iter().rev().map(|frame| call(process, debug, frame)).collect();
        Calls { tid: thread.tid, blocked_in: thread.blocked_in, calls }
    };
    process.threads.iter().map(of_thread).collect()
}

fn call(process: &Process, debug: &Debug, frame: &Frame) -> Call {
    let place = process.modules.iter().position(|module| module.range.contains(&frame.lookup()));
    let found = place.and_then(|place| process.modules.get(place).zip(debug.modules.get(place)));
    let Some((module, described)) = found else {
        return Call { file: None, linked: Address(frame.pc()), function: None };
    };
    let lookup = Address(frame.lookup().wrapping_sub(module.bias));
    let by_symbol = described.binary.as_ref().and_then(|binary| binary.symbols().function_at(lookup));
    let by_type = || described.table.as_ref()?.function_at(lookup).map(|function| function.name().to_owned());
    let function = by_symbol.map(|symbol| symbol.name.to_owned()).or_else(by_type);
    Call { file: Some(module.path.clone()), linked: Address(frame.pc().wrapping_sub(module.bias)), function }
}
