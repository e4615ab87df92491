//! Snapshot files, with checksums that are right, from opening to the traced process.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_fuzz::file::InMemory;
use mcrx_tracer::snapshot;

#[path = "../../tracer/tests/mutations/seal.rs"]
mod seal;

fuzz_target!(|bytes: &[u8]| {
    if bytes.len() < seal::TAIL {
        return;
    }
    let mut bytes = bytes.to_vec();
    seal::seal(&mut bytes);
    if let Ok(image) = snapshot::open(&InMemory::new(&bytes).path()) {
        mcrx_fuzz::process::walk(&image);
    }
});
