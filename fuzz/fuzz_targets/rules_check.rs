//! Rule files against the debug info of real programs: whatever they say, findings come out and nothing else. Needs a C compiler.
//!
//! The tests do the same with texts that they make up, in seconds.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../dsl/tests/properties/checked.rs"]
mod checked;

fuzz_target!(|text: &str| {
    if let Err(why) = checked::is_checked(text) {
        panic!("{why}");
    }
});
