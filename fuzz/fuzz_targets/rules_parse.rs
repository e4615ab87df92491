//! Rule files: nothing of them is lost, whatever is wrong with them.
//!
//! The tests do the same with texts that they make up, in seconds.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../dsl/tests/properties/hold.rs"]
mod hold;

fuzz_target!(|text: &str| {
    if let Err(why) = hold::is_read_without_loss(text) {
        panic!("{why}");
    }
});
