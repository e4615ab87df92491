//! Core files, from opening to the traced process.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_fuzz::file::InMemory;
use mcrx_tracer::core_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = core_file::open(&InMemory::new(bytes).path()) {
        mcrx_fuzz::process::walk(&image);
    }
});
