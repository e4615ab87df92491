//! The demo: the command `mcrx demo`, and the C server in two releases that it shows, over the server's own protocol.
//!
//! The tests need a C compiler and nothing else. `MCRX_DEMO_CFLAGS` adds to how the server is compiled, so that all of
//! them run under a sanitizer: `MCRX_DEMO_CFLAGS=-fsanitize=thread cargo test --test demo`.

mod build;
mod client;
mod command;
mod death;
mod end;
mod expiry;
mod helper;
mod limits;
mod load;
mod login;
mod model;
mod options;
mod protocol;
mod random;
mod releases;
mod server;
mod status;
mod undo;
mod update;
mod without_rules;
