//! `mcrx doctor`: what mcrx will not see of a program, and why, and what to do about it.

use crate::elf::dynamic::Dynamic;
use crate::elf::{Elf, Error, Parsed, build_id, hex};
use crate::exit::Failure;
use crate::locate;
use crate::output::{Output, PathFact};
use anyhow::{Context, Result};
use debug_info::Whereabouts;
use finding::{Finding, Severity};
use libraries::Libraries;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

mod allocators;
mod debug_info;
mod finding;
mod libraries;
mod start;

/// Say what mcrx will not see of a program, why, and what to do about it
///
/// Nothing is started: the file is looked at, and the libraries and debug files that belong to it.
#[derive(clap::Args)]
#[command(after_help = "\
An error means that the program's blocks are not seen at all. A warning means that less is known: its types, or names of functions.

What is looked for: static, set-user-ID, musl and other programs that libmcrx.so cannot be loaded into; a malloc in the program, or in \
a library with calls of its own; sanitizers; missing libraries; missing debug info, symbols, build-id.

Exit codes: 0 nothing was found, 1 something was.

Examples:
  mcrx doctor /usr/sbin/nginx
  mcrx doctor redis-server              looked for in PATH
  mcrx doctor ./server --json | jq '.findings[].code'")]
pub(crate) struct Args {
    /// The program: a file, or a name to look for in PATH
    #[arg(value_name = "BIN")]
    program: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    /// Hexadecimal.
    build_id: Option<String>,
    /// The loader it names.
    interpreter: Option<PathFact>,
    /// The file that has its debug info: itself, or a debug file.
    debug_info: Option<PathFact>,
    /// The file that has its full symbol table.
    symbols: Option<PathFact>,
    /// What it is loaded with, as far as it was found.
    libraries: Vec<LibraryFacts>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct LibraryFacts {
    name: String,
    file: PathFact,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let path = locate(&args.program)?;
    let mut facts = examine(&path)?;
    // Stable: in the order of the look otherwise.
    facts.findings.sort_by_key(|finding| finding.severity);
    print(&facts, output)?;
    output.facts(&facts)?;
    match facts.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::Finding(format!("1 finding about {}", path.display())).into()),
        count => Err(Failure::Finding(format!("{count} findings about {}", path.display())).into()),
    }
}

/// The file that was meant.
fn locate(program: &Path) -> Result<PathBuf> {
    let path = locate::program(program)?;
    std::path::absolute(&path).with_context(|| format!("cannot find {}", program.display()))
}

fn examine(path: &Path) -> Result<Facts> {
    let shown = path.display();
    let mut facts = Facts {
        schema: "mcrx.doctor/1",
        file: PathFact(path.to_owned()),
        build_id: None,
        interpreter: None,
        debug_info: None,
        symbols: None,
        libraries: Vec::new(),
        findings: Vec::new(),
    };
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
        facts.look_at_libraries(&file, &dynamic);
    }
    // Debug files lie beside the file itself, not beside links to it.
    let real = path.canonicalize().with_context(|| format!("cannot look at {shown}"))?;
    let (Whereabouts { debug_info, symbols }, findings) = debug_info::look(&elf, &file, &real);
    facts.findings.extend(findings);
    let or_itself = |place: Option<PathBuf>| {
        place.map(|place| PathFact(if place == real { path.to_owned() } else { place }))
    };
    (facts.debug_info, facts.symbols) = (or_itself(debug_info), or_itself(symbols));
    Ok(facts)
}

impl Facts {
    fn look_at_libraries(&mut self, file: &Parsed<'_>, dynamic: &Dynamic) {
        let libraries = Libraries::of(&self.file.0, dynamic);
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

fn print(facts: &Facts, output: &Output) -> Result<()> {
    output.heading(facts.file.0.display())?;
    let shown = |path: &Option<PathFact>| match path {
        Some(path) if *path == facts.file => "in it".to_owned(),
        Some(path) => path.0.display().to_string(),
        None => "none".to_owned(),
    };
    output.line(format_args!("  build-id    {}", facts.build_id.as_deref().unwrap_or("none")))?;
    output.line(format_args!("  debug info  {}", shown(&facts.debug_info)))?;
    output.line(format_args!("  symbols     {}", shown(&facts.symbols)))?;
    for finding in &facts.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        output.line(format_args!("\n{severity} [{}]: {}", finding.code, finding.message))?;
        output.line(format_args!("  do: {}", finding.help))?;
    }
    if facts.findings.is_empty() {
        output.line("\nNothing stands in the way.")?;
    }
    if !facts.findings.iter().any(|finding| finding.severity == Severity::Error) {
        output.line(format_args!(
            "\nNext: LD_PRELOAD=/path/to/libmcrx.so {} ..., then mcrx blocks PID",
            facts.file.0.display()
        ))?;
    }
    Ok(())
}
