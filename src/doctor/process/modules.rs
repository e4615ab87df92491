//! The program and the libraries of a process: whether their files are still those that it loaded, and have debug info.

use super::Patient;
use crate::doctor::debug_info;
use crate::doctor::finding::Finding;
use crate::elf::Elf;
use crate::output::PathFact;
use mcrx_debuginfo::file::{Binary, BuildId};
use mcrx_live::capture::loaded;
use mcrx_tracer::image::Module;
use serde::Serialize;
use std::io;
use std::path::Path;

#[derive(Debug, Serialize)]
pub(super) struct ModuleFacts {
    pub(super) file: PathFact,
    /// Of the one that is loaded, hexadecimal.
    build_id: Option<String>,
    /// There is a file of that name, and it is another one. `None`: nothing tells the one from the other.
    replaced: Option<bool>,
    /// There is debug info for it.
    debug_info: bool,
}

impl ModuleFacts {
    pub(super) fn is_the_allocator(&self) -> bool {
        self.file.0.file_name().is_some_and(|name| name == "libmcrx.so")
    }

    fn of(module: &Module, deleted: bool) -> ModuleFacts {
        let path = &module.path;
        let replaced = replaced(module.build_id, deleted, path);
        ModuleFacts {
            file: PathFact(path.clone()),
            build_id: module.build_id.map(|id| id.to_string()),
            replaced,
            debug_info: replaced != Some(true) && has_debug_info(path),
        }
    }
}

/// Whether the file at a path is not the one that was loaded from there. By build-id, since a package that is installed anew brings another
/// file of the same content.
fn replaced(build_id: Option<BuildId>, deleted: bool, path: &Path) -> Option<bool> {
    match (build_id, Binary::open(path)) {
        (_, Err(_)) => Some(true),
        (Some(id), Ok(binary)) => Some(binary.build_id() != Some(&id)),
        (None, Ok(_)) => (!deleted).then_some(false),
    }
}

fn has_debug_info(path: &Path) -> bool {
    let Ok(elf) = Elf::open(path) else { return false };
    let Ok(file) = elf.parse() else { return false };
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    debug_info::look(&elf, &file, &real).0.debug_info.is_some()
}

pub(super) fn look(patient: &Patient, program: &Path) -> io::Result<(Vec<ModuleFacts>, Vec<Finding>)> {
    let loaded = loaded(patient.thread)?;
    let facts: Vec<ModuleFacts> =
        loaded.iter().map(|(module, deleted)| ModuleFacts::of(module, *deleted)).collect();
    // The allocator's own data is not traced: its debug info is not asked for.
    let traced = || facts.iter().filter(|module| !module.is_the_allocator());
    let mut findings: Vec<Finding> = traced().filter_map(not_the_same).collect();
    // Of the program it is said elsewhere.
    let silent = traced()
        .filter(|module| !module.debug_info && module.replaced != Some(true) && module.file.0 != program);
    let names: Vec<String> = silent.map(|module| module.file.0.display().to_string()).collect();
    if !names.is_empty() {
        findings.push(Finding::warning(
            "library-debug-info",
            format!(
                "libraries without debug info: {}. What their data and their functions' frames hold is taken for pointers wherever it may \
                 be one, and pins what it points to",
                names.join(", ")
            ),
            "install their debug files (Debian: packages with -dbgsym, or -dbg, at the end of their names)",
        ));
    }
    Ok((facts, findings))
}

fn not_the_same(module: &ModuleFacts) -> Option<Finding> {
    let path = module.file.0.display();
    match module.replaced {
        Some(false) => None,
        Some(true) => Some(Finding::warning(
            "replaced",
            format!(
                "{path} is not the file any more that the process has loaded{}: of what it is made is not known",
                module.build_id.as_ref().map_or(String::new(), |id| format!(" (build-id {id})"))
            ),
            "keep the release that runs until its successor has taken over, or install its debug file, or restart the process",
        )),
        None => Some(Finding::warning(
            "replaced",
            format!(
                "{path} was removed or replaced since the process loaded it, and without a build-id nothing tells whether what is there \
                 now is the same"
            ),
            "link it with -Wl,--build-id, and restart the process",
        )),
    }
}
