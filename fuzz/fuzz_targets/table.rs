//! Tables of debug info, as the cache keeps them, with checksums that are right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_debuginfo::table::Table;

fuzz_target!(|bytes: &[u8]| {
    let _ = Table::from_bytes(bytes);
    if let Ok(table) = Table::from_bytes(&mcrx_fuzz::image::seal(bytes)) {
        mcrx_fuzz::table::walk(&table);
    }
});
