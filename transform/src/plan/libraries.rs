//! What libraries keep for themselves: blocks that they made and of which no type is known, and their own variables.
//!
//! What libc and the dynamic linker keep is the new process's, always. Of another library both processes have a state of their own, and nothing
//! tells which part of it start-up has made and which part connections have: if the old one's changed since start-up, that is a
//! conflict. With an adapter (`adapter libevent`) the new process's counts there as well: what the old process had told the library is told it anew.
//!
//! What it does not do: tell it. Only a process can.

use super::Scene;
use super::actions::of_new;
use super::codes::Code;
use super::conflict::{Conflicts, Hint, Of};
use super::start_up::{How, Twice};
use crate::map::AddressMap;
use mcrx_debuginfo::table::Kind;
use mcrx_dsl::rules::{Change, Rules};
use mcrx_tracer::image::{Module, Process};
use mcrx_tracer::trace::Trace;
use std::path::Path;

/// Files of libc and the dynamic linker, and the allocator, by the beginnings of their names.
const SYSTEM: [&str; 10] = [
    "ld-linux",
    "libc.so",
    "libdl.so",
    "libm.so",
    "libmcrx",
    "libnss_",
    "libpthread.so",
    "libresolv.so",
    "librt.so",
    "linux-vdso",
];

/// Bytes that are compared at a time.
const PAGE: usize = 4096;

/// What a program tells a library by: libraries by the beginnings of their files' names, and structures of the program's that the library
/// keeps pointers to.
const TOLD_BY: [(&str, &str); 1] = [("libevent", "event")];

/// Whether there is an adapter for a file of a library.
pub(super) fn has_adapter(file: &str) -> bool {
    TOLD_BY.iter().any(|(library, _)| file.starts_with(library))
}

/// A library that has to be told anew what the old process had told it. Only a process can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// Its file's name in the old process.
    pub library: String,
    /// The rules' name for it.
    pub adapter: String,
    /// By which structures the program tells it, if that is known.
    pub told_by: Option<&'static str>,
    /// Where these are in the new image, in order.
    pub objects: Vec<u64>,
}

/// The libraries that rules have adapters for, by the beginnings of their files' names.
pub(super) fn adapters(rules: &Rules) -> Vec<String> {
    let names = rules.changes.iter().filter_map(|change| match &change.is {
        Change::Adapter(name) => Some(name.is.clone()),
        _ => None,
    });
    names.collect()
}

/// Who keeps a block.
#[derive(Debug, Clone, Copy)]
enum Keeper<'a> {
    /// The program, or libc.
    Program,
    /// A library.
    Library(&'a Module),
}

impl<'a> Scene<'a> {
    /// Whether the new process's own counts of a block that a library made, whatever the old one's holds.
    pub(super) fn is_adapted(&self, number: u32) -> bool {
        matches!(self.keeper(number), Keeper::Library(module) if self.has_adapter(module))
    }

    /// Libraries of the old process that the rules have an adapter for.
    pub(super) fn adapted_libraries(&self, map: &AddressMap<'_>) -> Vec<Adapted> {
        let adapted = |module: &Module| {
            let adapter = self.adapter_of(module)?.clone();
            let told_by = TOLD_BY.iter().find(|(library, _)| adapter.starts_with(library)).map(|(_, by)| *by);
            let types = told_by.into_iter().flat_map(|name| self.new.table.types_named(name));
            let types = types.filter(|ty| matches!(ty.kind(), Kind::Aggregate) && !ty.is_declaration());
            let mut objects: Vec<u64> = types.flat_map(|ty| of_new(self, ty.id(), map)).collect();
            objects.sort_unstable();
            objects.dedup();
            Some(Adapted { library: name(&module.path), adapter, told_by, objects })
        };
        self.now.process().modules.iter().filter_map(adapted).collect()
    }

    /// Of blocks that both start-ups have made.
    pub(super) fn leave_to_adapters(&self, twice: &mut [Twice<'_>]) {
        for object in twice.iter_mut().filter(|object| matches!(object.how, How::Plain)) {
            let block = self.now.trace.blocks.at(object.old.0);
            if block.is_some_and(|(number, _)| self.is_adapted(number)) {
                object.how = How::New;
            }
        }
    }

    fn has_adapter(&self, module: &Module) -> bool {
        self.adapter_of(module).is_some()
    }

    fn adapter_of(&self, module: &Module) -> Option<&'a String> {
        let name = name(&module.path);
        self.adapters.iter().find(|adapter| name.starts_with(adapter.as_str()))
    }

    /// A block with a type, or with parts that have one, is the program's, whoever made it.
    fn keeper(&self, number: u32) -> Keeper<'a> {
        let trace = self.now.trace;
        let is_typed =
            || trace.marked.ty(number).is_some() || trace.marked.islands_of(number).next().is_some();
        if trace.is_own(number) || trace.blocks.is_area(number) || is_typed() {
            return Keeper::Program;
        }
        match maker(trace, number)
            .filter(|module| !is_system(module) && !std::ptr::eq(*module, self.now.program))
        {
            Some(module) => Keeper::Library(module),
            None => Keeper::Program,
        }
    }

    /// Says which blocks and variables of libraries changed, though the new process's would count.
    pub(super) fn kept_by_libraries(&self, twice: &[Twice<'_>], conflicts: &mut Conflicts) {
        for object in twice.iter().filter(|object| matches!(object.how, How::Plain)) {
            let (address, len) = object.old;
            let Some((number, _)) = self.now.trace.blocks.at(address) else { continue };
            if let Keeper::Library(module) = self.keeper(number)
                && self.differs(address, len)
            {
                let message = format!(
                    "{} has made it for itself, and it changed since start-up: nothing tells what of it the new start-up has made",
                    name(&module.path)
                );
                let library = name(&module.path);
                let of = Of::like(&object.name, "", &library);
                let hint = Hint::Library(library.clone());
                conflicts.add_with(Code::Opaque, of, "library", address, message, hint);
            }
        }
        let process = self.now.process();
        for module in process.modules.iter().filter(|module| !is_system(module)) {
            if std::ptr::eq(module, self.now.program) || self.has_adapter(module) {
                continue;
            }
            let changed = changed_words(module, self.start.process(), process);
            if let Some(first) = changed.first() {
                let message = format!(
                    "{} words of its own variables changed since start-up: they stay as the new process has them",
                    changed.len()
                );
                let library = name(&module.path);
                let of = (library.as_str(), "");
                let hint = Hint::Library(library.clone());
                conflicts.add_with(Code::Opaque, of, "variables", *first, message, hint);
            }
        }
    }
}

/// The program or library that made a block, if it is still there.
fn maker<'a>(trace: &Trace<'a>, number: u32) -> Option<&'a Module> {
    let site = trace.known.sites.get(trace.blocks.get(number)?.site?)?;
    // The call is before the address that it returns to.
    trace.process.module_at(site.frames().next()?.address().0.checked_sub(1)?)
}

/// Whether libc or the dynamic linker made a block for itself.
pub(crate) fn is_of_the_system(trace: &Trace<'_>, number: u32) -> bool {
    !trace.is_own(number) && maker(trace, number).is_some_and(is_system)
}

fn is_system(module: &Module) -> bool {
    let name = name(&module.path);
    SYSTEM.iter().any(|start| name.starts_with(start))
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Where a library's own variables are others now. Calls that were bound meanwhile are no change.
fn changed_words(module: &Module, start: &Process, now: &Process) -> Vec<u64> {
    let own = now.mappings.iter().filter(|mapping| {
        mapping.permissions.write
            && module.range.contains(&mapping.range.start)
            && mapping.range.end <= module.range.end
    });
    // Most pages have not changed.
    let pages = own.flat_map(|mapping| (mapping.range.start..mapping.range.end).step_by(PAGE));
    let changed = pages.filter(|page| start.memory.bytes(*page, PAGE) != now.memory.bytes(*page, PAGE));
    let words = changed.flat_map(|page| {
        (0..PAGE).step_by(8).filter_map(move |at| page.checked_add(u64::try_from(at).ok()?))
    });
    let is_code = |process: &Process, address: u64| {
        process.mapping_at(address).is_some_and(|mapping| mapping.permissions.execute)
    };
    let differs = |at: &u64| {
        let (before, after) = (start.memory.word(*at), now.memory.word(*at));
        let is_bound = |one: Option<u64>, process| one.is_some_and(|one| is_code(process, one));
        before != after && !(is_bound(before, start) && is_bound(after, now))
    };
    words.filter(differs).collect()
}
