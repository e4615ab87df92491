//! `mcrx types`: how a program's types lie in memory, and what changed in them between two releases.

use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use program::Program;
use std::path::{Path, PathBuf};

mod change_facts;
mod changes;
mod choose;
mod layout;
mod layout_text;
mod listing;
mod program;
mod units;

/// Show how a program's types lie in memory, or what changed between two releases of it
///
/// With a program alone: all its structures and unions. With a type: its layout. With another program: what changed in types, global
/// variables and functions from the first to the second, what makes live memory of the first wrong for the second first.
#[derive(clap::Args)]
#[command(after_help = "\
The second argument is another program if there is a file of that name, and a type otherwise; --type settles it.

Programs hold different types of one name more often than one would think: all of them are shown, each with the source files that \
define it. An anonymous structure goes by the typedef that names it.

Between two releases: + added, - removed, ~ retyped, > moved, = only spelt otherwise, ? perhaps renamed, via: changed because of what it \
holds. A structure does not change because something that it points to does.

Exit codes: 0 nothing is incompatible, 1 something is (types or variables), 2 there is no such type, 3 the file has no debug info.

Examples:
  mcrx types nginx                            every structure and union
  mcrx types nginx ngx_connection_s           members, offsets, holes, padding
  mcrx types nginx 'struct ngx_connection_s'  not a typedef of that name
  mcrx types ./nginx-1.26 ./nginx-1.28        what changed
  mcrx types OLD NEW --json | jq '.changed[] | select(.effect == \"incompatible\").name'")]
pub(crate) struct Args {
    /// The program or library
    #[arg(value_name = "BIN")]
    program: PathBuf,
    /// A type of it, or its next release
    #[arg(value_name = "TYPE|NEW")]
    other: Option<String>,
    /// Take the second argument for a type, even if there is a file of that name
    #[arg(long = "type", requires = "other")]
    is_type: bool,
}

/// The version of what `--json` prints, in each of the three forms.
const SCHEMA: &str = "mcrx.types/1";

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let Some(other) = &args.other else {
        return listing::run(&Program::open(&args.program)?, output);
    };
    if !args.is_type && Path::new(other).is_file() {
        let old = Program::open(&args.program)?;
        let new = Program::open(Path::new(other))?;
        return changes::run(&old, &new, output);
    }
    if !args.is_type && other.contains('/') {
        // No type of C has a slash in its name.
        return Err(Failure::Usage(format!("there is no file {other}")).into());
    }
    choose::run(&Program::open(&args.program)?, other, output)
}
