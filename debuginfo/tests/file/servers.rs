//! The servers under test: every entry of their debug info, against their symbols.

use crate::walk::{list, walk};
use mcrx_debuginfo::file::{Binary, DebugFile, SymbolKind};
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Result, ensure};

pub(crate) fn debug_info_and_symbols_and_nm_agree(test: &Context) -> Result<()> {
    let path = &test.first_server()?.path;
    let binary = Binary::open(path)?;
    ensure!(*binary.debug_file() == DebugFile::Same && binary.build_id().is_some());
    let seen = walk(&binary.dwarf()?)?;
    let symbols = binary.symbols();
    let (mut functions, mut variables) = (0, 0);
    for (name, addresses) in &seen.functions {
        for address in addresses {
            let of_name = symbols.named(name).find(|symbol| symbol.address.0 == *address);
            // What the compiler took apart has names of its own: NAME.cold, NAME.constprop.0.
            let around = symbols.function_at(Address(*address));
            let is_part = around.is_some_and(|around| around.name.split('.').next() == Some(name));
            ensure!(of_name.is_some() || is_part, "{name} at {address:#x} is {around:?} by its symbols");
            functions += 1;
        }
    }
    for (name, addresses) in &seen.variables {
        let mut of_name = symbols.named(name).filter(|symbol| symbol.kind == SymbolKind::Object);
        // Equal constants are merged, and strings have no symbols: only what is there once under its name can be compared.
        if let (Some(symbol), None, 1) = (of_name.next(), of_name.next(), addresses.len()) {
            ensure!(
                addresses.contains(&symbol.address.0),
                "{name} at {addresses:x?} is {symbol:?} by its symbols"
            );
            variables += 1;
        }
    }
    ensure!(functions > 200 && variables > 50, "{functions} functions and {variables} variables");
    let mut listed = 0;
    for (name, addresses) in list(test.program("nm")?, path)? {
        let name = name.split('@').next().unwrap_or_default();
        for address in addresses.into_iter().filter(|address| *address >= 0x1000) {
            let is_there = symbols.named(name).any(|symbol| symbol.address.0 == address);
            ensure!(is_there, "{name} at {address:#x} is listed by nm and not among the symbols");
            listed += 1;
        }
    }
    ensure!(listed >= functions, "nm lists {listed}");
    Ok(())
}
