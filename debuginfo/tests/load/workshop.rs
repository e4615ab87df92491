//! Makes programs for tests, and says what a table knows in a form that can be compared.

use mcrx_debuginfo::file::{Binary, Search};
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Table, Tag, Type};
use mcrx_harness::{Context, Explain, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder in which programs are made.
pub(crate) struct Workshop<'t> {
    test: &'t Context,
    folder: PathBuf,
}

impl<'t> Workshop<'t> {
    pub(crate) fn new(test: &'t Context) -> Result<Workshop<'t>> {
        let folder = test.scratch().fresh("programs");
        fs::create_dir_all(&folder)?;
        Ok(Workshop { test, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compiles source files, each by its name without the ending and its text, and links them.
    pub(crate) fn build(
        &self,
        compiler: &str,
        name: &str,
        sources: &[(&str, &str)],
        flags: &[&str],
    ) -> Result<PathBuf> {
        let ending = if compiler.ends_with("++") { "cc" } else { "c" };
        let mut objects = Vec::new();
        for (source, text) in sources {
            let (file, object) = (format!("{source}.{ending}"), format!("{name}-{source}.o"));
            fs::write(self.folder.join(&file), text)?;
            self.run(compiler, &[flags, &["-c", &file, "-o", &object]].concat())?;
            objects.push(object);
        }
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        self.run(compiler, &[&["-Wl,--build-id"], flags, &objects, &["-o", name]].concat())?;
        Ok(self.folder.join(name))
    }

    /// Runs a program of those that the test needs, in the folder; what it prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run(self.test.program(program)?, arguments, &self.folder)
    }

    /// What a program that was made here prints.
    pub(crate) fn output(&self, program: &Path) -> Result<String> {
        run(program, &[], &self.folder)
    }
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> Result<String> {
    let out = Command::new(program).args(arguments).current_dir(folder).env("LC_ALL", "C").output()?;
    let error = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{} {}: {error}", program.display(), arguments.join(" "));
    String::from_utf8(out.stdout).context("its output is no text")
}

/// Opens a program, with nothing of the system's debug files.
pub(crate) fn open(path: &Path) -> Result<Binary> {
    Ok(Binary::open_with(path, &Search { debug_roots: Vec::new(), debuginfod_cache: None, location: None })?)
}

/// The table of a program.
pub(crate) fn table(path: &Path) -> Result<Table> {
    Ok(load(&open(path)?)?)
}

/// The only structure, union or class with this name that is defined.
pub(crate) fn aggregate<'t>(table: &'t Table, name: &str) -> Result<Type<'t>> {
    let mut found = aggregates(table, name).into_iter().filter(|ty| !ty.is_declaration());
    let ty = found.next().with_context(|| format!("no definition of {name}"))?;
    ensure!(found.next().is_none(), "{name} is defined more than once");
    Ok(ty)
}

/// All structures, unions and classes with this name.
pub(crate) fn aggregates<'t>(table: &'t Table, name: &str) -> Vec<Type<'t>> {
    table.types_named(name).filter(|ty| ty.tag().is_aggregate()).collect()
}

/// All named structures, unions and enumerations, each with a line of what it is made of. What differs only in how compilers and
/// versions of DWARF put it is left out.
pub(crate) fn layouts(table: &Table) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ty in table.types() {
        let Some(name) = ty.name() else { continue };
        let mut line = format!("{:?} {:?} {:?}", ty.tag(), ty.size(), ty.is_declaration());
        match ty.tag() {
            Tag::Structure | Tag::Union | Tag::Class => {
                for (bit, member) in ty.fields() {
                    let spelt = type_name(member.ty(), Anonymous::LeftOut);
                    let (name, bits) = (member.name().unwrap_or("-"), member.bit_size().unwrap_or(0));
                    line.push_str(&format!("; {name} {bit} {bits} {spelt}"));
                }
            }
            Tag::Enumeration => {
                for constant in ty.enumerators() {
                    line.push_str(&format!("; {} {}", constant.name, constant.value));
                }
            }
            _ => continue,
        }
        all.entry(name.to_owned()).or_default().push(line);
    }
    for lines in all.values_mut() {
        lines.sort();
    }
    all
}
