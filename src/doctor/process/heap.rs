//! The allocator's heap in a process: whether there is one, whether it can be read while the process stands still, and what it knows of
//! its blocks.

use super::Patient;
use crate::blocks::readable;
use crate::doctor::finding::Finding;
use mcrx_allocator::abi::VERSION;
use mcrx_allocator::reader::{
    self, Address, Consistency, Heap, Limits, Memory, Sites, Unreadable, Why, arena_bases, find,
};
use mcrx_live::hold::{HoldError, Scope, while_held};
use mcrx_live::process::memory::ProcessMemory;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub(super) struct HeapFacts {
    /// Of the layout of its tables.
    version: u32,
    regions: usize,
    blocks: u64,
    bytes: u64,
    /// Blocks of which it is not known who made them.
    without_site: u64,
}

/// What came of it.
pub(super) struct Look {
    pub(super) pause: Option<Duration>,
    pub(super) heap: Option<HeapFacts>,
    pub(super) findings: Vec<Finding>,
}

/// Why nothing at all can be said.
pub(super) enum Refusal {
    NotPermitted(String),
    Gone,
}

pub(super) fn look(patient: &Patient) -> Result<Look, Refusal> {
    let memory = ProcessMemory::of(patient.thread);
    let maps = fs::read(format!("/proc/{}/maps", patient.thread)).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => Refusal::NotPermitted(HOW.to_owned()),
        _ => Refusal::Gone,
    })?;
    // An address that the kernel never lets anybody read tells whether we may read at all.
    match memory.read(Address(0), &mut [0]) {
        Err(Unreadable { why: Why::NotPermitted, .. }) => return Err(Refusal::NotPermitted(HOW.to_owned())),
        Err(Unreadable { why: Why::Gone, .. }) => return Err(Refusal::Gone),
        _ => {}
    }
    let bases = find(&memory, &arena_bases(&maps));
    let mut look = Look { pause: None, heap: None, findings: Vec::new() };
    let copy = |_: &_| Heap::copy(&memory, &bases, Consistency::Stopped, Limits::default());
    let copied = match while_held(Scope::Process(patient.pid), copy) {
        Ok((copied, pause)) => {
            look.pause = Some(pause);
            copied
        }
        Err(HoldError::Gone(_)) => return Err(Refusal::Gone),
        Err(error) => {
            look.findings.push(not_held(&error));
            Heap::copy(&memory, &bases, Consistency::Running, Limits::default())
        }
    };
    if bases.is_empty() {
        look.findings.push(no_heap(patient, &maps));
        return Ok(look);
    }
    let read = copied.and_then(reader::Copied::check);
    match read.and_then(|heap| Sites::read(&memory, &heap).map(|sites| HeapFacts::of(&heap, &sites))) {
        Ok(heap) => {
            look.findings.extend(heap.finding());
            look.heap = Some(heap);
        }
        Err(error @ reader::Error::Version { .. }) => look.findings.push(Finding::error(
            "heap-version",
            error.to_string(),
            "use the mcrx of the same release as the libmcrx.so that the process runs with",
        )),
        Err(error) => look.findings.push(Finding::error(
            "heap-damaged",
            error.to_string(),
            "restart the process: something has overwritten the allocator's tables",
        )),
    }
    Ok(look)
}

/// Who may look.
const HOW: &str = "not permitted to look into it";

impl HeapFacts {
    fn of(heap: &Heap, sites: &Sites) -> HeapFacts {
        let mut facts = HeapFacts {
            version: VERSION,
            regions: heap.regions().len(),
            blocks: 0,
            bytes: 0,
            without_site: 0,
        };
        for block in heap.ordinary_blocks() {
            facts.blocks += 1;
            facts.bytes += block.requested;
            let known = sites.get(block.site).is_some_and(|site| site.frames().len() > 0);
            facts.without_site += u64::from(!known);
        }
        facts
    }

    fn finding(&self) -> Option<Finding> {
        (self.without_site > 0).then(|| {
            Finding::warning(
                "no-site",
                format!(
                    "of {} of its {} blocks it is not known which call made them: no site gives them a type",
                    self.without_site, self.blocks
                ),
                "see whether MCRX_SITES=off is in its environment; a process that has made more sites than the table holds \
                 must be restarted",
            )
        })
    }
}

impl fmt::Display for HeapFacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeapFacts { version, regions, blocks, bytes, .. } = self;
        let s = if *regions == 1 { "" } else { "s" };
        write!(out, "{blocks} blocks, {} in {regions} region{s} of version {version}", readable(*bytes))
    }
}

fn not_held(error: &HoldError) -> Finding {
    let message = format!("it cannot be held still: {error}");
    match error {
        HoldError::Traced { .. } => Finding::error("traced", message, "end the debugger, or have it detach"),
        HoldError::TooSlow { .. } => Finding::error(
            "does-not-stop",
            message,
            "see what that thread waits for (/proc/PID/task/TID/stack): the kernel does not interrupt that",
        ),
        _ => Finding::error("not-held", message, "run this as root"),
    }
}

const LIBRARY: &[u8] = b"libmcrx.so";

fn no_heap(patient: &Patient, maps: &[u8]) -> Finding {
    let holds = |text: &[u8]| text.windows(LIBRARY.len()).any(|window| window == LIBRARY);
    if holds(maps) {
        return Finding::error(
            "no-heap",
            "libmcrx.so is loaded, but no block was made with it: the program has a malloc of its own, or makes nothing",
            "see what is said of the program",
        );
    }
    let environment = fs::read(format!("/proc/{}/environ", patient.thread)).unwrap_or_default();
    let asked = environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(b"LD_PRELOAD=") && holds(variable));
    if asked {
        return Finding::error(
            "not-loaded",
            "it was started with LD_PRELOAD, but libmcrx.so was not loaded: its blocks are not seen",
            "see what is said of the program; if nothing is, the path in LD_PRELOAD is wrong",
        );
    }
    Finding::error(
        "not-loaded",
        "libmcrx.so is not in it: its blocks are not seen",
        "restart it with LD_PRELOAD=/path/to/libmcrx.so; it cannot be loaded into a process that runs",
    )
}
