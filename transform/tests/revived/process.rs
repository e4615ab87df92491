//! A parked process of the new release, as what the transform writes to.
//!
//! All that the merged image has and the process lacks is mapped into it, where it was in the old one; its allocator takes the old heap over.
//! Room for new blocks is what its own `calloc` gives, so all blocks can be freed by it.
//!
//! What it does not do: give the process threads, descriptors, or anything else that the kernel has for it.

use super::super::run::Fault;
use super::tracee::Tracee;
use mcrx_debuginfo::file::Binary;
use mcrx_dsl::eval::Value;
use mcrx_dsl::migrate::Called;
use mcrx_harness::Pid;
use mcrx_tracer::image::{MappingKind, Module, Permissions, Process};
use mcrx_transform::target::{Room, Target, Unwritable};
use nix::libc;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

/// One.
#[derive(Debug)]
pub(crate) struct Revived {
    tracee: Tracee,
    calloc: u64,
    take_over: u64,
}

impl Revived {
    /// Holds a process of which there is an image.
    pub(crate) fn hold(image: &Process) -> Result<Revived, Fault> {
        let pid = i32::try_from(image.pid).map_err(told)?;
        let (calloc, take_over) = (symbol(image, "calloc")?, symbol(image, "mcrx_take_over")?);
        Ok(Revived { tracee: Tracee::hold(Pid::from_raw(pid))?, calloc, take_over })
    }

    /// Gives it all that the merged image has and it lacks, and has its allocator take over the old heap.
    pub(crate) fn inherit(&self, own: &Process, old: &Process, merged: &Process) -> Result<(), Fault> {
        for mapping in merged.mappings.iter().filter(|mapping| own.mapping_at(mapping.range.start).is_none())
        {
            if matches!(mapping.kind, MappingKind::Shared { .. } | MappingKind::File { .. }) {
                return Err(format!("{mapping:?} cannot be mapped: only memory without a file can"));
            }
            self.map(mapping.range.start, mapping.range.end - mapping.range.start, mapping.permissions)?;
            let segments = merged.memory.segments().iter().map(mcrx_tracer::image::Segment::range);
            for segment in segments {
                let (start, end) =
                    (segment.start.max(mapping.range.start), segment.end.min(mapping.range.end));
                if start >= end {
                    continue;
                }
                let len = usize::try_from(end - start).map_err(told)?;
                let bytes = merged.memory.bytes(start, len).ok_or("it cannot be read")?;
                write(self.tracee.pid, start, bytes)?;
            }
        }
        for region in old.regions() {
            if self.tracee.call(self.take_over, [region.0, 0])? & 0xFFFF_FFFF != 1 {
                return Err(format!("its allocator does not take the heap at {:#x} over", region.0));
            }
        }
        Ok(())
    }

    /// Has it call functions of its own, as rules say.
    pub(crate) fn call(&self, program: &Module, calls: &[Called]) -> Result<(), Fault> {
        for Called { function, entry, arguments } in calls {
            let mut given = [0; 2];
            for (argument, word) in arguments.iter().enumerate() {
                let place = given.get_mut(argument).ok_or_else(|| format!("{function} takes too many"))?;
                *place = match word {
                    Value::Integer(number) => {
                        u64::from_le_bytes(i64::try_from(*number).map_err(told)?.to_le_bytes())
                    }
                    Value::Pointer(to) => to.address,
                    Value::Null | Value::Zero => 0,
                    other => return Err(format!("{function} is given {other:?}")),
                };
            }
            self.tracee.call(program.mapped(entry.0), given)?;
        }
        Ok(())
    }

    /// Lets it go on waiting for its next line.
    pub(crate) fn let_go(self) -> Result<(), Fault> {
        self.tracee.let_go()
    }

    fn map(&self, start: u64, len: u64, permissions: Permissions) -> Result<(), Fault> {
        let bit = |is_set: bool, bit: i32| if is_set { bit } else { 0 };
        let protection = bit(permissions.read, libc::PROT_READ)
            | bit(permissions.write, libc::PROT_WRITE)
            | bit(permissions.execute, libc::PROT_EXEC);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let words = [protection, flags].map(|word| u64::from(word.cast_unsigned()));
        let arguments = [start, len, words[0], words[1], u64::MAX, 0];
        match self.tracee.system_call(libc::SYS_mmap, arguments)? {
            there if there == start => Ok(()),
            elsewhere => Err(format!("{start:#x} was mapped to {elsewhere:#x}")),
        }
    }
}

impl Target for Revived {
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unwritable> {
        write(self.tracee.pid, address, bytes).map_err(|_| Unwritable { address })
    }
}

impl Room for Revived {
    fn block(&self, bytes: u64) -> Option<u64> {
        self.tracee.call(self.calloc, [1, bytes]).ok().filter(|address| *address != 0)
    }
}

/// Where a process has a function of the tagging allocator.
fn symbol(image: &Process, name: &str) -> Result<u64, Fault> {
    let is_allocator = |path: &std::path::Path| path.file_name().is_some_and(|name| name == "libmcrx.so");
    let module = image.modules.iter().find(|module| is_allocator(&module.path)).ok_or("no libmcrx.so")?;
    let binary = Binary::open(&module.path).map_err(told)?;
    let symbol = binary.symbols().named(name).next().ok_or_else(|| format!("no {name}"))?;
    Ok(module.mapped(symbol.address.0))
}

/// Writes to memory of a held process.
pub(super) fn write(pid: Pid, address: u64, bytes: &[u8]) -> Result<(), Fault> {
    let file = OpenOptions::new().write(true).open(format!("/proc/{pid}/mem")).map_err(told)?;
    file.write_all_at(bytes, address).map_err(|error| format!("{address:#x}: {error}"))
}

/// Reads memory of a process.
pub(super) fn read(pid: Pid, address: u64, into: &mut [u8]) -> Result<(), Fault> {
    let file = std::fs::File::open(format!("/proc/{pid}/mem")).map_err(told)?;
    file.read_exact_at(into, address).map_err(|error| format!("{address:#x}: {error}"))
}

fn told(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}
