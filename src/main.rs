//! `mcrx`, the command: thin glue over the libraries, and the only code that prints.
fn main() {}
