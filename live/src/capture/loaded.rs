//! The programs and libraries in a process that runs on: read from the heads of what it has mapped.

use super::modules;
use crate::process::maps::{self, Mapping};
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_tracer::image::{Buffer, Content, Memory, Module, Segment};
use nix::unistd::Pid;
use std::io;
use std::sync::Arc;

/// What is loaded, by address, and whether the kernel says of its file that it was removed. Where thread-local variables are is not
/// looked for. `thread`: any of the process that has memory.
///
/// # Errors
/// Those of reading the list of mappings.
pub fn loaded(thread: Pid) -> io::Result<Vec<(Module, bool)>> {
    let mappings = maps::read(thread)?;
    let memory = ProcessMemory::of(thread);
    let heads = mappings.iter().filter(|mapping| mapping.inode != 0 && mapping.offset == 0 && mapping.read);
    let segments = heads.filter_map(|mapping| head(mapping, &memory));
    // The kernel's list has no two mappings for one address.
    let heads = Memory::new(segments).map_err(io::Error::other)?;
    let modules = modules::find(&mappings, &heads).into_iter().map(|module| {
        let mapping = maps::holding(&mappings, module.range.start);
        let deleted =
            mapping.is_some_and(|mapping| matches!(mapping.name, maps::Name::File { deleted: true, .. }));
        (module, deleted)
    });
    Ok(modules.collect())
}

fn head(mapping: &Mapping, memory: &ProcessMemory) -> Option<Segment> {
    let len = usize::try_from(mapping.bytes()).ok()?.min(modules::HEADERS_MAX);
    let mut buffer = Buffer::zeros(len).ok()?;
    memory.read(Address(mapping.range.start), buffer.part_mut(0..len)?).ok()?;
    Some(Segment::whole(mapping.range.start, Arc::new(Content::Held(buffer))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcrx_debuginfo::file::Binary;

    #[test]
    fn this_program_and_the_c_library_are_in_this_process_as_they_are_on_disk() {
        let loaded = loaded(Pid::this()).unwrap();
        let this = std::env::current_exe().unwrap();
        let is = |name: &str| {
            let mut found = loaded.iter().filter(|(module, _)| module.path.ends_with(name));
            found.next().unwrap_or_else(|| panic!("no {name}: {loaded:?}"))
        };
        for name in [this.file_name().unwrap().to_str().unwrap(), "libc.so.6"] {
            let (module, deleted) = is(name);
            let binary = Binary::open(&module.path).unwrap();
            assert!(!deleted && module.build_id.as_ref() == binary.build_id(), "{module:?}");
        }
    }
}
