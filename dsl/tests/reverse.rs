//! The derived way back.

#[path = "kinds/compiled.rs"]
mod compiled;
#[path = "reverse/derived.rs"]
mod derived;
#[path = "reverse/examples.rs"]
mod examples;
#[path = "reverse/total.rs"]
mod total;
