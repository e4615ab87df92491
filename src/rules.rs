//! `mcrx rules`: the loop of who writes rule files.

use crate::output::Output;
use anyhow::Result;

mod check;
mod explain;
mod fmt;
mod json;
mod new;
pub(crate) mod render;
mod replace;
mod reverse;
mod sarif;
mod test;

/// Write, check and try the rules of an update
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong (warnings may have been printed), 1 something is, 2 wrong usage, 3 a file cannot be read.

Examples:
  mcrx rules new ./nginx-1.22 ./nginx-1.26 -o nginx-1.26.mcrx
  mcrx rules check nginx.mcrx
  mcrx rules check nginx-facts.mcrx ./nginx
  mcrx rules check nginx-1.26.mcrx ./nginx-1.22 ./nginx-1.26
  mcrx rules explain MCX102
  mcrx rules fmt nginx.mcrx
  mcrx rules test nginx-1.26.mcrx ./nginx-1.22 ./nginx-1.26
  mcrx rules reverse ./nginx-1.22 ./nginx-1.26 --rules nginx-1.26.mcrx -o nginx-1.22.mcrx")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
    Fmt(fmt::Args),
    New(new::Args),
    Reverse(reverse::Args),
    Test(test::Args),
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    match &args.command {
        Command::Check(args) => check::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Fmt(args) => fmt::run(args, output),
        Command::New(args) => new::run(args, output),
        Command::Reverse(args) => reverse::run(args, output),
        Command::Test(args) => test::run(args, output),
    }
}
