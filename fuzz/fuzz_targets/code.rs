//! Programs: their code, and what says how to read it. Sites, caller tables, frames and their variables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::{Binary, Search};
use mcrx_debuginfo::frames::{Module, Modules, Register, Registers, State, Unwinder};
use mcrx_debuginfo::load;
use mcrx_debuginfo::sites::{self, Options};
use mcrx_fuzz::file::InMemory;

/// Functions in which a stack is begun.
const STACKS: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    let file = InMemory::new(bytes);
    let search =
        Search { debug_roots: Vec::new(), debuginfod_cache: None, location: Some("/nonexistent/it".into()) };
    let Ok(binary) = Binary::open_with(&file.path(), &search) else { return };
    let _ = Callers::of(&binary, binary.text()).map(|callers| callers.to_bytes());
    let Ok(table) = load::load(&binary) else { return };
    let Ok(dwarf) = binary.dwarf() else { return };
    let _ = sites::find(&binary, &table, Some(&dwarf), &Options { binary_only: true, ..Options::default() });
    let modules = Modules::new([Module::new(&binary, 0, 0..1 << 40).described_by(&dwarf, &table)]);
    // Every word of the stack is an address near the first, so that there are frames above.
    for function in table.functions().take(STACKS) {
        let Some((low, _)) = function.code() else { continue };
        let word = low.0.wrapping_add(5).to_le_bytes();
        let memory = |_: u64, bytes: &mut [u8]| {
            bytes.iter_mut().zip(word.iter().cycle()).for_each(|(to, from)| *to = *from);
            true
        };
        let start = Registers::new().with(Register::Rip, low.0.wrapping_add(5)).with(Register::Rsp, 1 << 41);
        let stack = Unwinder::new(&modules).walk(start, &memory);
        for index in 0..stack.frames.len().min(4) {
            for scope in modules.variables(&stack, index, &memory).into_iter().flatten() {
                for variable in scope.variables {
                    if let State::Available(location) = variable.state {
                        let _ = location.read(&memory, 8);
                    }
                }
            }
        }
    }
});
