//! Programs: headers, sections, symbols, relocations, and debug info from the first byte to the table.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_debuginfo::file::{Binary, Search};
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::load;
use mcrx_debuginfo::table::Address;
use mcrx_fuzz::file::InMemory;

fuzz_target!(|bytes: &[u8]| {
    let file = InMemory::new(bytes);
    // Files beside it are none of this: what they say would not be the fuzzer's.
    let search =
        Search { debug_roots: Vec::new(), debuginfod_cache: None, location: Some("/nonexistent/it".into()) };
    let Ok(binary) = Binary::open_with(&file.path(), &search) else { return };
    let symbols = binary.symbols();
    for symbol in symbols.iter() {
        let _ = (symbols.function_at(symbol.address), symbols.object_at(symbol.address));
    }
    let _ = symbols.named("main").count();
    for relocation in binary.relocations().iter() {
        let _ = binary.relocations().at(relocation.slot);
    }
    let _ = (binary.stubs().count(), binary.base(), binary.text());
    if let Ok(dwarf) = binary.dwarf()
        && let Ok(lines) = Lines::new(&dwarf)
    {
        for range in binary.text() {
            for step in 0..64 {
                let address = Address(range.start.0.saturating_add(step * 16));
                let _ = (lines.place(address), lines.frames(address));
            }
        }
    }
    if let Ok(table) = load::load(&binary) {
        mcrx_fuzz::table::walk(&table);
    }
});
