//! `mcrx run`: a program started under the allocator, with what lets it follow blocks through the program's own allocation functions.
//!
//! The program takes the place of this process: nothing of mcrx stays, and whoever looks after the program looks after the same pid.

use crate::doctor::{Outlook, outlook};
use crate::exit::Failure;
use crate::output::Output;
use crate::subject;
use anyhow::{Context, Result, anyhow};
use mcrx_debuginfo::cache::{self, Cache};
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Start a program under mcrx's allocator
///
/// The allocator is loaded into it first, and is told where the program's own allocation functions keep their callers, so that a block's
/// site is who asked for it and not xmalloc(). The program then takes the place of this command: its pid is the same.
#[derive(clap::Args)]
#[command(after_help = "\
The library is looked for beside this command, in ../lib/mcrx and, in a build folder, in ../preload.

A program that the library cannot be loaded into is not started: exit code 4. `mcrx doctor` says more.

Examples:
  mcrx run -- nginx -c /etc/nginx/nginx.conf
  mcrx run -- redis-server --port 6380
  mcrx run --rules examples/facts/nginx.mcrx -- nginx")]
pub(crate) struct Args {
    /// The allocator's library, libmcrx.so
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Keep the tables of allocation functions in this folder, not in the user's cache
    #[arg(long, value_name = "FOLDER")]
    callers: Option<PathBuf>,
    /// Follow blocks through the functions, too, that this rule file calls wrappers
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The library's file name.
const LIBRARY: &str = "libmcrx.so";

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (name, arguments) = args.command.split_first().context("clap has seen that there is a command")?;
    let outlook = outlook(Path::new(name))?;
    if let Some((message, help)) = outlook.obstacles.first() {
        let program = outlook.program.display();
        return Err(Failure::Refused(format!("{program} was not started: {message}; {help}")).into());
    }
    let facts = subject::rules::facts(args.rules.as_deref(), output)?;
    let library = library(args.library.as_deref())?;
    let mut command = Command::new(&outlook.program);
    command.arg0(name).args(arguments).env("LD_PRELOAD", before(&library, env::var_os("LD_PRELOAD")));
    let wrappers = Options { extra: facts.wrappers().map(str::to_owned).collect(), ..Options::default() };
    match callers(args.callers.as_deref(), &outlook, &wrappers) {
        Ok(folder) => {
            command.env("MCRX_CALLERS", folder);
        }
        // The program runs all the same: less is known of its blocks.
        Err(error) => {
            output.narrate(format_args!("blocks are not followed through wrappers of malloc: {error:#}"))
        }
    }
    Err(anyhow::Error::new(command.exec())
        .context(format!("{} cannot be started", outlook.program.display())))
}

/// What is preloaded already stays behind it.
fn before(library: &Path, others: Option<OsString>) -> OsString {
    let mut list = library.as_os_str().to_owned();
    if let Some(others) = others.filter(|others| !others.is_empty()) {
        list.push(OsStr::new(":"));
        list.push(others);
    }
    list
}

fn library(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        let absolute = given.canonicalize().with_context(|| format!("cannot find {}", given.display()))?;
        return Ok(absolute);
    }
    let own = env::current_exe().context("this command does not find itself")?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    let places = [
        folder.join(LIBRARY),
        folder.join("../lib/mcrx").join(LIBRARY),
        folder.join("../preload").join(LIBRARY),
    ];
    places.iter().find_map(|place| place.canonicalize().ok()).ok_or_else(|| {
        anyhow!(
            "{LIBRARY} is not beside {}: name it with --library, or build it: cargo build --profile preload -p mcrx-preload",
            own.display()
        )
    })
}

/// Writes the tables of the program and its libraries; returns the folder.
fn callers(given: Option<&Path>, outlook: &Outlook, wrappers: &Options) -> Result<PathBuf> {
    let folder = match given {
        Some(given) => std::path::absolute(given)?,
        None => cache::of_user().context("there is no HOME: name a folder with --callers")?.join("callers"),
    };
    let cache = Cache::default();
    for file in std::iter::once(&outlook.program).chain(&outlook.libraries) {
        // What has no debug info has no table, and its sites end where they are.
        let Ok(binary) = Binary::open(file) else { continue };
        let Ok(table) = cache.table(&binary) else { continue };
        let sites = cache.sites(&binary, &table, wrappers);
        let callers = Callers::of_wrappers(&binary, &sites)?;
        if !callers.rows().is_empty() {
            callers.write(&folder)?;
        }
    }
    Ok(folder)
}
