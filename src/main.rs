//! `mcrx`, the command: thin glue over the libraries, and the only code that prints.
//!
//! Each subcommand is one module with an `Args` and a `run`; what they print goes through [`output`], how they end
//! through [`exit`].

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod blocks;
mod demo;
mod doctor;
mod elf;
mod exit;
mod locate;
mod output;
mod sites;
mod subject;
mod trace;
mod types;

#[derive(Parser)]
#[command(version, about, after_help = exit::HELP, disable_help_subcommand = true)]
struct Cli {
    /// Print the facts as one JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Blocks(blocks::Args),
    Demo(demo::Args),
    Doctor(doctor::Args),
    Sites(sites::Args),
    Trace(trace::Args),
    Types(types::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = output::Output::new(cli.json);
    let outcome = match cli.command {
        Command::Blocks(args) => blocks::run(&args, &output),
        Command::Demo(args) => demo::run(&args, &output),
        Command::Doctor(args) => doctor::run(&args, &output),
        Command::Sites(args) => sites::run(&args, &output),
        Command::Trace(args) => trace::run(&args, &output),
        Command::Types(args) => types::run(&args, &output),
    };
    exit::code(outcome, &output)
}
