//! The chores of the project: everything a contributor or CI runs that is not the product itself.
//!
//! `cargo xtask test` is the one test command; `cargo xtask servers` builds the real servers that tests run on;
//! `cargo xtask bench` runs us beside our peers; `cargo xtask table` keeps what the documentation says of measurements true.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod bench;
mod install;
mod servers;
mod table;
mod test;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of mcrx", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check and test, cheap ones first; installs or names what is missing
    Test(test::Args),
    /// Build the real servers that tests run on, once per machine
    Servers(servers::Args),
    /// Measure against peers, side by side in one run
    Bench(bench::Args),
    /// Measure a table of the documentation anew, and write it there
    Table(table::Args),
}

fn main() -> ExitCode {
    // `bench` starts servers, each guarded by this program started anew.
    mcrx_harness::take_over();
    let outcome = match Cli::parse().chore {
        Chore::Test(args) => test::run(&args),
        Chore::Servers(args) => servers::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Table(args) => table::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
