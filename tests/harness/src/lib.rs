//! Real servers under test: started on loopback, talked to, and gone afterwards, whatever happens to the test.
//!
//! What it is for: every end-to-end test of the project. A test is a short function; it says beforehand what it
//! needs, and is reported as ignored, by name and with the reason, where that is not to be had:
//!
//! ```no_run
//! use mcrx_harness::{Context, Result, Suite, ensure, program, server::Nginx};
//!
//! fn a_second_of_wrk_sees_no_error(test: &Context) -> Result<()> {
//!     let nginx = test.start(Nginx::of(test.server("nginx")?))?;
//!     let load = mcrx_harness::client::Wrk::default().run(test.program("wrk")?, &nginx.url("/"))?;
//!     ensure!(load.errors() == 0, "{load:?}");
//!     nginx.stop()?.expect_clean()
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Suite::new().each("nginx", [program("wrk")], a_second_of_wrk_sees_no_error).run()
//! }
//! ```
//!
//! Its parts, from the outside in: [`Suite`] runs tests and checks [`Need`]s; a [`Context`] is what one test is given;
//! a [`Scratch`] directory holds all that the test writes and knows all that it started; [`mod@server`] has one file for
//! each kind of server and [`client`] one for each protocol or load generator; a [`Running`] server is watched by a
//! guardian process, which ends the whole tree when the test ends, panics, hangs or is killed.
//!
//! What it does not do: build the servers (`mcrx-servers` does), install programs (`cargo xtask test` does), reach
//! anything but loopback.

mod batch;
mod context;
mod guardian;
mod kind;
mod launch;
mod need;
mod port;
mod preload;
pub mod process;
mod programs;
mod running;
mod scratch;
mod suite;
mod wait;

pub mod client;
pub mod server;

pub use anyhow::{Context as Explain, Result, anyhow, bail, ensure};
pub use batch::{Batch, Finished};
pub use context::{Context, Skip};
pub use guardian::{Exit, Usage, take_over};
pub use kind::{Invocation, Kind, Place};
pub use launch::{Credentials, Launch};
pub use need::{Need, condition, is_root, program, root, server};
pub use nix::sys::signal::Signal;
pub use nix::unistd::Pid;
pub use port::{Port, listening};
pub use preload::preload;
pub use programs::{FILES, Files, PROGRAMS, Program, find_program};
pub use running::{Running, Stopped};
pub use scratch::Scratch;
pub use suite::Suite;
pub use wait::until;
