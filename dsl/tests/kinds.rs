//! The kinds of migration that real releases have needed: `examples/rules/KIND`, each with the old and the new program in C.
//!
//! Both are compiled as distributions compile, the rules are read, and all of the file's `test` blocks have to pass.

mod kinds {
    mod compiled;
    mod examples;
}
