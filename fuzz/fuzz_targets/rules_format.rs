//! Rule files in the one style: formatted for good, with the same meaning and the same comments.
//!
//! The tests do the same with texts that they make up, in seconds.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../dsl/tests/properties/hold.rs"]
mod hold;

fuzz_target!(|text: &str| {
    if let Err(why) = hold::is_formatted_for_good(text) {
        panic!("{why}");
    }
});
