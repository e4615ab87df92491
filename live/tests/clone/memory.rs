//! What a twin's memory holds.

use super::{check, server, with_twin};
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_harness::{Context, Pid, Result, ensure};
use mcrx_live::hold::{Held, Twin};
use mcrx_live::process::flags;
use mcrx_live::process::maps::{self, Mapping};
use mcrx_live::process::memory::ProcessMemory;
use nix::sys::signal::{Signal, kill};
use std::ops::Range;
use std::time::Duration;

/// Pages that are mapped privately and can be read, and are not the kernel's.
fn private(process: Pid) -> Result<Vec<Mapping>> {
    let mut mappings = maps::read(process)?;
    mappings.retain(|mapping| {
        mapping.read && !mapping.shared && !mapping.is("vvar") && !mapping.is("vvar_vclock")
    });
    mappings.retain(|mapping| !mapping.is("vsyscall") && mapping.bytes() < 1 << 32);
    Ok(mappings)
}

fn page(memory: &ProcessMemory, address: u64) -> Option<[u8; 4096]> {
    let mut page = [0; 4096];
    memory.read(Address(address), &mut page).ok().map(|()| page)
}

/// Compares all but what the kernel writes whenever the main thread is scheduled; says how many pages there are.
fn compare(process: Pid, twin: Pid, original: (u64, &[u8]), scheduled: &Range<u64>) -> Result<usize> {
    let (own, copy) = (ProcessMemory::of(process), ProcessMemory::of(twin));
    let unusual = flags::unusual(process)?;
    let mut pages = 0;
    for mapping in private(process)? {
        let unusual = unusual.iter().find(|(range, _)| *range == mapping.range).map(|(_, flags)| *flags);
        for address in mapping.range.clone().step_by(4096) {
            let (Some(own), mut copy) = (page(&own, address), page(&copy, address)) else { continue };
            let (at, bytes) = original;
            for (number, byte) in bytes.iter().enumerate() {
                let place = (at + u64::try_from(number)?).wrapping_sub(address);
                if let (Ok(place), Some(copy)) = (usize::try_from(place), &mut copy)
                    && let Some(there) = copy.get_mut(place)
                {
                    *there = *byte;
                }
            }
            match unusual {
                Some(flags) if flags.not_forked => ensure!(copy.is_none(), "{mapping:x?}"),
                Some(flags) if flags.wiped => {
                    ensure!(copy.is_some_and(|page| page == [0; 4096]), "{mapping:x?}")
                }
                _ => {
                    let Some(copy) = copy else {
                        mcrx_harness::bail!("{address:#x} of {mapping:x?} is not there")
                    };
                    let differs = (address..)
                        .zip(own.iter().zip(&copy))
                        .find(|(place, (own, copy))| own != copy && !scheduled.contains(place));
                    ensure!(differs.is_none(), "{differs:x?} of {mapping:x?}");
                }
            }
            pages += 1;
        }
    }
    Ok(pages)
}

pub(crate) fn a_twin_has_what_the_process_has_byte_for_byte(test: &Context) -> Result<()> {
    let (mut program, told) = server(test, &["heap=8"])?;
    let scheduled = told.rseq..told.rseq + 32;
    for _ in 0..10 {
        let compare = |_: &Held, twin: &Twin| {
            let pages = compare(program.pid(), twin.id(), twin.original(), &scheduled)?;
            ensure!(pages > 2000, "only {pages} pages");
            Ok(())
        };
        with_twin(program.pid(), compare, |_| Ok(()))?;
    }
    let unusual = flags::unusual(program.pid())?;
    ensure!(unusual.iter().filter(|(_, flags)| flags.wiped || flags.not_forked).count() == 2, "{unusual:?}");
    check(&mut program)
}

pub(crate) fn a_twin_keeps_what_it_has_when_the_process_goes_on_or_is_killed(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=8"])?;
    let process = program.pid();
    let heap = private(process)?.into_iter().find(|mapping| mapping.bytes() >= 8 << 20);
    let Some(heap) = heap else { mcrx_harness::bail!("no heap") };
    let middle = heap.range.start + (4 << 20);
    let own = page(&ProcessMemory::of(process), middle);
    with_twin(
        process,
        |_, _| Ok(()),
        |twin| {
            check(&mut program)?;
            ensure!(page(&ProcessMemory::of(twin.id()), middle) == own);
            kill(process, Signal::SIGKILL)?;
            mcrx_harness::until(Duration::from_secs(20), "it to end", || {
                let process = mcrx_harness::process::Process::read(process);
                Ok(process.is_none_or(|process| process.is_zombie()).then_some(()))
            })?;
            ensure!(own.is_some() && page(&ProcessMemory::of(twin.id()), middle) == own);
            ensure!(twin.is_alive());
            Ok(())
        },
    )
}
