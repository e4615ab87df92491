//! `mcrx`, the command: thin glue over the libraries, and the only code that prints.
//!
//! Each subcommand is one module with an `Args` and a `run`; what they print goes through [`output`], how they end
//! through [`exit`].

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

mod blocks;
mod demo;
mod diff;
mod doctor;
mod dominators;
mod elf;
#[cfg(test)]
mod examples;
mod exit;
mod export;
mod leaks;
mod locate;
mod man;
mod objects;
mod output;
mod pins;
mod plan;
mod report;
mod rules;
mod run;
mod sites;
mod snapshot;
mod status;
mod subject;
mod suspects;
mod trace;
mod transform;
mod types;
mod undo;
mod update;

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
    Diff(diff::Args),
    Doctor(doctor::Args),
    Dominators(dominators::Args),
    Export(export::Args),
    Leaks(leaks::Args),
    Man(man::Args),
    Pins(pins::Args),
    Plan(plan::Args),
    Refs(objects::RefsArgs),
    Report(report::Args),
    Rules(rules::Args),
    Run(run::Args),
    Sites(sites::Args),
    Snapshot(snapshot::Args),
    Status(status::Args),
    Suspects(suspects::Args),
    Trace(trace::Args),
    Transform(transform::Args),
    Types(types::Args),
    Undo(undo::Args),
    Update(update::Args),
    Whatis(objects::WhatisArgs),
    Why(objects::WhyArgs),
}

fn main() -> ExitCode {
    // A shadow's first process is this program once more.
    mcrx_live::shadow::take_over();
    let cli = Cli::parse();
    let output = output::Output::new(cli.json);
    let outcome = match cli.command {
        Command::Blocks(args) => blocks::run(&args, &output),
        Command::Demo(args) => demo::run(&args, &output),
        Command::Diff(args) => diff::run(&args, &output),
        Command::Doctor(args) => doctor::run(&args, &output),
        Command::Dominators(args) => dominators::run(&args, &output),
        Command::Export(args) => export::run(&args, &output),
        Command::Leaks(args) => leaks::run(&args, &output),
        Command::Man(args) => man::run(&args, Cli::command(), &output),
        Command::Pins(args) => pins::run(&args, &output),
        Command::Plan(args) => plan::run(&args, &output),
        Command::Refs(args) => objects::refs(&args, &output),
        Command::Report(args) => report::run(&args, &output),
        Command::Rules(args) => rules::run(&args, &output),
        Command::Run(args) => run::run(&args, &output),
        Command::Sites(args) => sites::run(&args, &output),
        Command::Snapshot(args) => snapshot::run(&args, &output),
        Command::Status(args) => status::run(&args, &output),
        Command::Suspects(args) => suspects::run(&args, &output),
        Command::Trace(args) => trace::run(&args, &output),
        Command::Transform(args) => transform::run(&args, &output),
        Command::Types(args) => types::run(&args, &output),
        Command::Undo(args) => undo::run(&args, &output),
        Command::Update(args) => update::run(&args, &output),
        Command::Whatis(args) => objects::whatis(&args, &output),
        Command::Why(args) => objects::why(&args, &output),
    };
    exit::code(outcome, &output)
}
