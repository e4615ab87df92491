//! Where the C library keeps what it knows of a thread: offsets in its `struct pthread`.
//!
//! The structure is nobody's business but glibc's; it describes it to debuggers by symbols of its own (`nptl_db/structs.def`, used by
//! libthread_db): each is three words of 32 bits, a member's size in bits, how many of them there are, and its offset.

use crate::process::is_c_library;
use crate::process::maps::Mapping;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::unistd::Pid;
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};

/// Offsets from a thread's `fs_base`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadLayout {
    /// Its number, 32 bits.
    pub tid: u64,
    /// The function it was started with; 0 of a main thread.
    pub start_routine: u64,
}

impl ThreadLayout {
    /// Of a process's C library, or of its program if that is linked statically. `None`: it has another C library, or its file is gone.
    #[must_use]
    pub fn of(process: Pid, mappings: &[Mapping]) -> Option<ThreadLayout> {
        let is_libc = |mapping: &&Mapping| mapping.path().is_some_and(is_c_library);
        let first = |wanted: &dyn Fn(&&Mapping) -> bool| mappings.iter().find(|mapping| wanted(mapping));
        let modules = [first(&is_libc), first(&|mapping| mapping.path().is_some())];
        modules.into_iter().flatten().find_map(|module| ThreadLayout::in_module(process, module))
    }

    fn in_module(process: Pid, module: &Mapping) -> Option<ThreadLayout> {
        let range = &module.range;
        let linked = std::fs::read(format!("/proc/{process}/map_files/{:x}-{:x}", range.start, range.end));
        // Whoever is not root has no such links; a file that has been replaced cannot be had then.
        let path = module.path().and_then(|path| path.strip_prefix("/").ok())?;
        let named = || std::fs::read(std::path::Path::new(&format!("/proc/{process}/root")).join(path));
        let file = linked.or_else(|_| named()).ok()?;
        let file = object::File::parse(&*file).ok()?;
        // A mapping's begin is where the first loaded segment is, rounded to a page.
        let base = module.range.start.wrapping_sub(file.segments().next()?.address() / 4096 * 4096);
        let memory = ProcessMemory::of(process);
        let offset = |name: &str| {
            let named = |symbol: &object::Symbol<'_, '_>| symbol.name() == Ok(name);
            let symbol = file.dynamic_symbols().find(named).or_else(|| file.symbols().find(named))?;
            let mut bytes = [0; 12];
            memory.read(Address(base.wrapping_add(symbol.address())), &mut bytes).ok()?;
            let [.., a, b, c, d] = bytes;
            Some(u64::from(u32::from_le_bytes([a, b, c, d])))
        };
        Some(ThreadLayout {
            tid: offset("_thread_db_pthread_tid")?,
            start_routine: offset("_thread_db_pthread_start_routine")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_s_own_number_is_where_its_c_library_says() {
        let mappings = crate::process::maps::read(Pid::this()).unwrap();
        let layout = ThreadLayout::of(Pid::this(), &mappings).unwrap();
        assert!(layout.tid < layout.start_routine && layout.start_routine < 4096, "{layout:?}");
    }

    /// Where the kernel aligns large files to large pages, libc.so.6 finds room above libcrypto.so.3 now and then, and else lies below.
    #[test]
    fn a_library_below_it_whose_name_begins_alike_is_not_taken_for_the_c_library() {
        let text = b"1000-2000 r--p 00000000 00:01 7                /usr/lib/libcrypto.so.3\n";
        let own = crate::process::maps::read(Pid::this()).unwrap();
        let mut mappings = crate::process::maps::parse(text);
        mappings.extend(own.iter().cloned());
        assert_eq!(ThreadLayout::of(Pid::this(), &mappings), ThreadLayout::of(Pid::this(), &own));
    }
}
