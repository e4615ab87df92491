//! Call sites of allocation functions, and the C type of the block that each one makes, from the binary alone.
//!
//! All code of a program is read. Calls of malloc and its kin are found, and calls of the program's own wrappers, which show
//! themselves: functions that return an allocation's result as `void *` or `char *`. Each result is followed through its function to
//! where it meets a declared type: a variable of the debug info, a member, a global, what the function returns. See [`Landing`] for how
//! strong each is, and [`Untyped`] for why a site may have no type: two sources that disagree make none.
//!
//! ```no_run
//! use mcrx_debuginfo::{file::Binary, load, sites::{self, Options, Verdict}};
//! let binary = Binary::open("/usr/sbin/nginx".as_ref())?;
//! let dwarf = binary.dwarf()?;
//! let table = load::load(&binary)?;
//! let sites = sites::find(&binary, &table, Some(&dwarf), &Options::default());
//! for site in sites.iter() {
//!     if let Verdict::Typed { ty, .. } = site.verdict() {
//!         println!("{} makes {:?}", site.address(), table.ty(ty));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Sites`] are one run of bytes, like the table that their types are of: [`crate::cache`] keeps them from one run to the next.
//!
//! A block's site is a stack of return addresses, down to the first frame that is no wrapper; [`Sites::of_stack`] finds the one that
//! decides. What it does not do: look into other modules' code (`extra` in [`Options`] names their allocation functions), follow calls
//! through pointers, guess.

mod allocator;
mod find;
mod flow;
mod graph;
pub(crate) mod image;
mod jump;
mod pointee;
mod program;
mod record;
mod seen;
mod site;
mod source;
mod spot;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod value;
mod variables;

pub use allocator::{Asked, Handed};
pub use image::Sites;
pub use seen::{Confidence, Extent, Landing, Size, Untyped};
pub use site::{Evidence, Site, Verdict, Wrapper};
pub use value::Gpr;

use crate::dwarf::Dwarf;
use crate::file::Binary;
use crate::lines::Lines;
use crate::table::{Address, FunctionId, Table};
use find::{Found, FoundWrapper, Harvest};
use image::Parts;
use program::{Program, Target};
use record::{CodeRecord, EvidenceRecord, NONE, SiteRecord, WrapperRecord};
use seen::Judged;
use source::Sources;
use twox_hash::XxHash3_64;

/// What to look for besides the malloc family.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Symbols of further functions that return memory: those of pools, and of other modules. With a `*` at its end: all that begin so.
    pub extra: Vec<String>,
    /// Do not look at source files.
    pub binary_only: bool,
}

/// Finds all sites. Without debug info there are sites, but no types and no wrappers.
pub fn find(binary: &Binary, table: &Table, dwarf: Option<&Dwarf<'_>>, options: &Options) -> Sites {
    let program = Program::read(binary, table, dwarf);
    let Harvest { mut sites, mut wrappers } = find::find(&program, &options.extra);
    let mut parts = Parts::default();
    if let Some(lines) = dwarf.filter(|_| !options.binary_only).and_then(|dwarf| Lines::new(dwarf).ok()) {
        let mut sources = Sources::default();
        sites.iter_mut().for_each(|site| look_up(&program, &lines, &mut sources, site));
        sources.note(&mut parts);
    }
    sites.sort_by_key(|site| site.call.next);
    sites.into_iter().for_each(|found| add_site(&mut parts, &program, found));
    let entry = |found: &FoundWrapper| program.routines.get(found.routine)?.ranges.first().copied();
    wrappers.sort_by_key(entry);
    wrappers.iter().for_each(|found| add_wrapper(&mut parts, &program, found));
    let build_id = binary.build_id().map_or(&[][..], |id| id.as_bytes());
    Sites::from_parts(parts, origin(table, options), build_id)
}

/// What tells one question from another, besides the binary and the files that it leads to: the same table, whose types sites are of, and
/// the same options.
pub(crate) fn origin(table: &Table, options: &Options) -> u64 {
    let Options { extra, binary_only } = options;
    let mut bytes = table.checksum().to_le_bytes().to_vec();
    bytes.push(u8::from(*binary_only));
    // Their order changes nothing. No symbol has a NUL in it.
    let mut extra: Vec<&str> = extra.iter().map(String::as_str).collect();
    extra.sort_unstable();
    extra.iter().for_each(|name| bytes.extend(name.bytes().chain([0])));
    XxHash3_64::oneshot(&bytes)
}

/// Holds what was seen of a site against its source.
fn look_up<'r>(program: &Program<'r, '_>, lines: &Lines<'_>, sources: &mut Sources, found: &mut Found<'r>) {
    if found.seen.statements.is_empty() || !matches!(found.judged, Judged::Typed { .. } | Judged::Untyped(_))
    {
        return;
    }
    let Ok(frames) = lines.frames(found.call.address) else { return };
    let function = program.routines.get(found.call.routine).and_then(|routine| routine.function);
    let unit = function.and_then(|function| program.table.function(function)?.unit());
    sources.add(&mut found.seen, program.table, unit, &frames, found.call.address);
    found.judged = found.seen.judge();
}

fn add_site(parts: &mut Parts, program: &Program<'_, '_>, found: Found<'_>) {
    let Found { call, allocator, mut seen, judged } = found;
    seen.statements.sort_by_key(|statement| (statement.landing, statement.at));
    let first_evidence = Parts::place(&parts.evidence);
    for statement in &seen.statements {
        let name = parts.string(&statement.name);
        let (landing, ty) = (statement.landing, statement.ty.id());
        parts.evidence.push(EvidenceRecord::new(landing, ty, statement.at.0, name));
    }
    let verdict = match judged {
        Judged::Typed { ty, extent, confidence } => Verdict::Typed { ty: ty.id(), extent, confidence },
        Judged::Deeper => Verdict::Deeper,
        Judged::Untyped(why) => Verdict::Untyped(why),
    };
    let function = program.routines.get(call.routine).and_then(|routine| routine.function);
    let site = SiteRecord {
        address: call.next.0,
        call: call.address.0,
        offset: match allocator.handed {
            Handed::Returned(offset) => offset,
            Handed::Stored(_) => 0,
        },
        function: function.map_or(NONE, |FunctionId(number)| number),
        callee: parts.string(program.name(call.target).unwrap_or_default()),
        first_evidence,
        evidence_count: Parts::place(&parts.evidence).saturating_sub(first_evidence),
        ..SiteRecord::default()
    };
    parts.sites.push(site.with_size(seen.size).with_verdict(verdict));
}

fn add_wrapper(parts: &mut Parts, program: &Program<'_, '_>, found: &FoundWrapper) {
    let Some(routine) = program.routines.get(found.routine) else { return };
    let (Some(FunctionId(function)), Some((entry, _))) = (routine.function, routine.ranges.first()) else {
        return;
    };
    let first_code = Parts::place(&parts.code);
    parts.code.extend(routine.ranges.iter().map(|(low, high)| CodeRecord { low: *low, high: *high }));
    let wrapper = WrapperRecord {
        function,
        name: parts.string(program.name(Target::Code(Address(*entry))).unwrap_or_default()),
        first_code,
        code_count: Parts::place(&parts.code).saturating_sub(first_code),
        ..WrapperRecord::default()
    };
    parts.wrappers.push(wrapper.with_asked(found.asked).with_handed(found.handed, found.is_tail));
}
