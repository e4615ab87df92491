//! Properties of evaluation: against Rust's own integers, against the same objects before, and that nothing makes it panic.

mod values {
    mod arithmetic;
    mod expressions;
    mod identity;
    mod scalars;
    mod world;
}
