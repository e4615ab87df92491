//! Lists of mappings, in which paths are of anybody's choosing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_allocator::reader::arena_bases;
use mcrx_live::process::maps::{holding, parse};

fuzz_target!(|bytes: &[u8]| {
    let _ = arena_bases(bytes);
    let mappings = parse(bytes);
    for mapping in &mappings {
        let _ = (mapping.path(), mapping.bytes(), mapping.is("[heap]"));
        let _ = holding(&mappings, mapping.range.start);
    }
});
