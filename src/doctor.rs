//! `mcrx doctor`: what mcrx will not see of a program or of a process, and why, and what to do about it.

use crate::elf::dynamic::Dynamic;
use crate::elf::{Elf, Error, Parsed, build_id, hex};
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use crate::{locate, subject};
use anyhow::{Context, Result};
use debug_info::Whereabouts;
use finding::{Finding, Severity};
use libraries::Libraries;
use process::ProcessFacts;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

mod allocators;
mod debug_info;
mod finding;
mod libraries;
mod print;
mod process;
mod start;

/// Say what mcrx will not see of a program or of a process, why, and what to do about it
///
/// Of a program nothing is started: the file is looked at, and the libraries and debug files that belong to it. A process is held still
/// once, for as long as it takes to copy the allocator's tables, and looked at as it runs.
#[derive(clap::Args)]
#[command(after_help = "\
An error means that blocks are not seen at all. A warning means that less is known: types, or names of functions; or that less can be \
done.

What is looked for in a program: static, set-user-ID, musl and other programs that libmcrx.so cannot be loaded into; a malloc in the \
program, or in a library with calls of its own; sanitizers; missing libraries; missing debug info, symbols, build-id.

In a process, besides: libmcrx.so that was not loaded; who may hold it, or who holds it already; blocks without a site; files that were \
replaced since they were loaded; libraries without debug info; io_uring, seccomp filters, sealed mappings, containers; more memory \
than can be copied.

Exit codes: 0 nothing was found, 1 something was.

Examples:
  mcrx doctor /usr/sbin/nginx
  mcrx doctor redis-server              looked for in PATH
  mcrx doctor 4711                      a process
  mcrx doctor ./server --json | jq '.findings[].code'")]
pub(crate) struct Args {
    /// A process, or a program: a file, or a name to look for in PATH
    #[arg(value_name = "PID|BIN")]
    target: PathBuf,
}

/// What `--json` prints.
#[derive(Default, Serialize)]
struct Facts {
    schema: &'static str,
    /// The program. None only of a process that may not be looked into.
    file: Option<PathFact>,
    /// Hexadecimal.
    build_id: Option<String>,
    /// The loader it names.
    interpreter: Option<PathFact>,
    /// The file that has its debug info: itself, or a debug file.
    debug_info: Option<PathFact>,
    /// The file that has its full symbol table.
    symbols: Option<PathFact>,
    /// What it is loaded with, as far as it was found. Not of a process: those are among its modules.
    libraries: Vec<LibraryFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<ProcessFacts>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct LibraryFacts {
    name: String,
    file: PathFact,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let process = args.target.to_str().map(subject::pid).transpose()?.flatten();
    let mut facts = match process {
        Some(pid) => process::examine(pid, output)?,
        None => {
            let path = locate(&args.target)?;
            let mut facts = examine(&path, &path)?;
            facts.file = Some(PathFact(path));
            facts
        }
    };
    // Stable: in the order of the look otherwise.
    facts.findings.sort_by_key(|finding| finding.severity);
    print::facts(&facts, output)?;
    output.facts(&facts)?;
    let title = facts.title();
    match facts.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::Finding(format!("1 finding about {title}")).into()),
        count => Err(Failure::Finding(format!("{count} findings about {title}")).into()),
    }
}

/// What is to be known of a program before it is started under the allocator.
pub(crate) struct Outlook {
    /// The file.
    pub(crate) program: PathBuf,
    /// Why its blocks would not be seen, each with what to do about it.
    pub(crate) obstacles: Vec<(String, String)>,
    /// What it is loaded with, as far as it was found.
    pub(crate) libraries: Vec<PathBuf>,
}

/// Looks at a program that is about to be started.
pub(crate) fn outlook(program: &Path) -> Result<Outlook> {
    let program = locate(program)?;
    let facts = examine(&program, &program)?;
    let errors = facts.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    Ok(Outlook {
        program,
        obstacles: errors.map(|finding| (finding.message, finding.help)).collect(),
        libraries: facts.libraries.into_iter().map(|library| library.file.0).collect(),
    })
}

/// The file that was meant.
fn locate(program: &Path) -> Result<PathBuf> {
    let path = locate::program(program)?;
    std::path::absolute(&path).with_context(|| format!("cannot find {}", program.display()))
}

/// `path`: where it can be read. `named`: where it lies, if that is another path; its debug files lie beside that.
fn examine(path: &Path, named: &Path) -> Result<Facts> {
    let shown = named.display();
    let mut facts = Facts::of(Some(PathFact(path.to_owned())));
    let metadata = fs::metadata(path).with_context(|| format!("cannot look at {shown}"))?;
    let elf = match Elf::open(path) {
        Ok(elf) => elf,
        Err(Error::Other(kind)) => {
            facts.findings.push(start::of_kind(&kind));
            return Ok(facts);
        }
        Err(error) => return Err(anyhow::Error::new(error).context(format!("cannot look at {shown}"))),
    };
    let (file, dynamic) = match elf.parse().and_then(|file| Dynamic::of(&file).map(|dynamic| (file, dynamic)))
    {
        Ok(parsed) => parsed,
        Err(error) => {
            let help = "build or install it anew";
            facts.findings.push(Finding::error("damaged", format!("it {error}"), help));
            return Ok(facts);
        }
    };
    let id = build_id(&file);
    facts.build_id = (!id.is_empty()).then(|| hex(id));
    facts.interpreter = dynamic.interpreter.clone().map(PathFact);
    if let Some(finding) = start::of_form(&file, &dynamic) {
        facts.findings.push(finding);
        return Ok(facts);
    }
    facts.findings.extend(start::of_rights(path, &metadata));
    if let Some(finding) = start::of_loader(&dynamic) {
        // Which malloc it has, and which libraries, makes no difference then.
        facts.findings.push(finding);
    } else {
        facts.look_at_libraries(named, &file, &dynamic);
    }
    // Debug files lie beside the file itself, not beside links to it.
    let real = named.canonicalize().unwrap_or_else(|_| named.to_owned());
    let (Whereabouts { debug_info, symbols }, findings) = debug_info::look(&elf, &file, &real);
    facts.findings.extend(findings);
    let or_itself = |place: Option<PathBuf>| {
        place.map(|place| PathFact(if place == real { named.to_owned() } else { place }))
    };
    (facts.debug_info, facts.symbols) = (or_itself(debug_info), or_itself(symbols));
    Ok(facts)
}

impl Facts {
    fn of(file: Option<PathFact>) -> Facts {
        Facts { schema: "mcrx.doctor/1", file, ..Facts::default() }
    }

    /// What they are about.
    fn title(&self) -> String {
        match (&self.process, &self.file) {
            (Some(process), _) => format!("process {}", process.title()),
            (None, Some(file)) => file.0.display().to_string(),
            (None, None) => String::new(),
        }
    }

    fn look_at_libraries(&mut self, program: &Path, file: &Parsed<'_>, dynamic: &Dynamic) {
        let libraries = Libraries::of(program, dynamic);
        self.findings.extend(libraries.missing.iter().map(|(name, user)| {
            Finding::error(
                "missing-library",
                format!("{user} needs {name}, which is not found: it cannot be started here"),
                "install it, or ask where it is installed (LD_LIBRARY_PATH is not looked at)",
            )
        }));
        self.findings.extend(allocators::findings(file, &libraries));
        self.libraries = libraries
            .found
            .into_iter()
            .map(|library| LibraryFacts { file: PathFact(library.elf.path().to_owned()), name: library.name })
            .collect();
    }
}
