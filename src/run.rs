//! `mcrx run`: a program started under the allocator, with what lets it follow blocks through the program's own allocation functions.
//!
//! This process stays as the program's parent and looks after it ([`service`]), so that it can be updated; or, if asked for, the program takes
//! its place: nothing of mcrx stays then.

mod desk;
mod hooks;
mod service;

use crate::doctor::{Outlook, outlook};
use crate::exit::Failure;
use crate::output::Output;
use crate::subject;
use anyhow::{Context, Result, anyhow};
use hooks::{HOOKS, Named};
use mcrx_debuginfo::cache::{self, Cache};
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use mcrx_dsl::lower;
use mcrx_dsl::rules::Rules;
use mcrx_live::birth::Birth;
use mcrx_live::control::OF_SERVICES;
use mcrx_live::managed;
use mcrx_tracer::facts::Facts;
use nix::sys::signal::SigSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Start a program under mcrx's allocator
///
/// The allocator is loaded into it first, and is told where the program's own allocation functions keep their callers, so that a block's
/// site is who asked for it and not xmalloc(). This command stays as its parent: it sends signals on, ends as the program does, and takes
/// note of how the program was started, of the random bytes that its start-up draws (it is traced for that until it waits for work), and of
/// its memory when its start-up is done. That is what `mcrx update` goes by. It is kept where its owner only can read it: random bytes are
/// keys and seeds.
#[derive(clap::Args)]
#[command(after_help = "\
The library is looked for beside this command, in ../lib/mcrx and, in a build folder, in ../preload.

A program that the library cannot be loaded into is not started: exit code 4. `mcrx doctor` says more.

As a service of systemd it is one of Type=notify: it is ready when the server has come to rest for the first time, and reloads while the server is being updated. `mcrx status` asks it how the server is.

Examples:
  mcrx run -- nginx -c /etc/nginx/nginx.conf
  mcrx run -- redis-server --port 6380
  mcrx run --rules examples/facts/nginx.mcrx -- nginx
  mcrx run --exec -- redis-server")]
pub(crate) struct Args {
    /// The allocator's library, libmcrx.so
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Keep the tables of allocation functions in this folder, not in the user's cache
    #[arg(long, value_name = "FOLDER")]
    callers: Option<PathBuf>,
    /// Follow blocks through the functions, too, that this rule file calls wrappers, and see what the functions allocate that it says to
    /// allocate from pools (`hook pool`)
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
    /// Hook no functions that allocate from pools: their memory stays opaque
    #[arg(long)]
    no_hooks: bool,
    /// Let the program take the place of this command, with its pid. Nothing looks after it then, and it cannot be updated
    #[arg(long)]
    exec: bool,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The library's file name.
const LIBRARY: &str = "libmcrx.so";
/// Tells it where the tables are.
const CALLERS: &str = "MCRX_CALLERS";

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (name, arguments) = args.command.split_first().context("clap has seen that there is a command")?;
    let outlook = outlook(Path::new(name))?;
    if let Some((message, help)) = outlook.obstacles.first() {
        let program = outlook.program.display();
        return Err(Failure::Refused(format!("{program} was not started: {message}; {help}")).into());
    }
    leave_signals_alone()?;
    let loaded = subject::rules::loaded(args.rules.as_deref(), output)?;
    let rules = loaded.as_ref().map(|loaded| &loaded.rules);
    let facts = rules.map_or_else(Facts::default, lower::facts);
    let library = library(args.library.as_deref())?;
    let mut command = Command::new(&outlook.program);
    // It is a word for us, and the allocator would wonder at it.
    command.env_remove(managed::STATE);
    if !args.exec {
        // We tell systemd, and the server does not: nor does a release that is started out of sight.
        for name in OF_SERVICES {
            command.env_remove(name);
        }
    }
    command.arg0(name).args(arguments).env("LD_PRELOAD", before(&library, env::var_os("LD_PRELOAD")));
    let wrappers = Options { extra: facts.wrappers().map(str::to_owned).collect(), ..Options::default() };
    match callers(args.callers.as_deref(), &outlook, &wrappers) {
        Ok(folder) => {
            command.env_remove(HOOKS);
            let named = Named::of(rules, &outlook.program);
            if !args.no_hooks && !named.is_empty() {
                match named.write(&folder, files(&outlook), output) {
                    Ok(()) => {
                        command.env(HOOKS, &folder);
                    }
                    Err(error) => {
                        output.narrate(format_args!("what is allocated from pools is not seen: {error:#}"))
                    }
                }
            }
            command.env(CALLERS, folder);
        }
        // The program runs all the same: less is known of its blocks.
        Err(error) => {
            output.narrate(format_args!("blocks are not followed through wrappers of malloc: {error:#}"))
        }
    }
    if args.exec {
        let error = anyhow::Error::new(command.exec());
        return Err(error.context(format!("{} cannot be started", outlook.program.display())));
    }
    let mut birth = birth(&command, &args.command, &outlook.program)?;
    let end = service::serve(command, &outlook.program, output, |managed, pid| {
        birth.set_started(pid)?;
        Ok(birth.write(&managed.birth())?)
    })?;
    end.take()
}

/// Threads that work for us take no signals: one that is meant for the server would end this process, and the end of a child would go
/// unnoticed.
fn leave_signals_alone() -> Result<()> {
    let builder = rayon::ThreadPoolBuilder::new().start_handler(|_| {
        let _ = SigSet::all().thread_block();
    });
    builder.build_global().context("there can be no threads")
}

/// How the program is started, while it can still be told.
fn birth(command: &Command, arguments: &[OsString], program: &Path) -> Result<Birth> {
    let mut birth = Birth::from_here(program, arguments.iter().cloned(), env::vars_os())?;
    for (name, value) in command.get_envs() {
        let name = name.to_string_lossy();
        match value {
            Some(value) => birth.set_variable(&name, value),
            None => birth.remove_variable(&name),
        }
    }
    Ok(birth)
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

pub(crate) fn library(given: Option<&Path>) -> Result<PathBuf> {
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
    write_callers(&folder, outlook, wrappers)?;
    Ok(folder)
}

/// The same, and the tables of functions to be hooked, for a release that a server is to become, which has the old one's environment.
pub(crate) fn tables_of_release(birth: &Birth, program: &Path, rules: &Rules, output: &Output) -> Result<()> {
    let facts = lower::facts(rules);
    let folder = birth.variable(CALLERS).map(|folder| PathBuf::from(folder.to_owned()));
    let Some(folder) = folder else { return Ok(()) };
    let wrappers = Options { extra: facts.wrappers().map(str::to_owned).collect(), ..Options::default() };
    let outlook = outlook(program)?;
    if let Some(folder) = birth.variable(HOOKS) {
        let named = Named::of(Some(rules), program);
        // Rules that say nothing of pools leave it at what is known of that release.
        if !named.is_empty() {
            named.write(Path::new(folder), files(&outlook), output)?;
        }
    }
    write_callers(&folder, &outlook, &wrappers)
}

/// The program and its libraries.
fn files(outlook: &Outlook) -> impl Iterator<Item = &Path> {
    std::iter::once(&outlook.program).chain(&outlook.libraries).map(PathBuf::as_path)
}

fn write_callers(folder: &Path, outlook: &Outlook, wrappers: &Options) -> Result<()> {
    let cache = Cache::default();
    for file in files(outlook) {
        // What has no debug info has no table, and its sites end where they are.
        let Ok(binary) = Binary::open(file) else { continue };
        let Ok(table) = cache.table(&binary) else { continue };
        let sites = cache.sites(&binary, &table, wrappers);
        let callers = Callers::of_wrappers(&binary, &sites)?;
        if !callers.rows().is_empty() {
            callers.write(folder)?;
        }
    }
    Ok(())
}
