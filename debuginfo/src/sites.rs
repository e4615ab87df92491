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
//!     if let Verdict::Typed { ty, .. } = site.verdict {
//!         println!("{} makes {:?}", site.address, table.ty(ty));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A block's site is a stack of return addresses, down to the first frame that is no wrapper; [`Sites::of_stack`] finds the one that
//! decides. What it does not do: look into other modules' code (`extra` in [`Options`] names their allocation functions), follow calls
//! through pointers, guess.

mod allocator;
mod find;
mod flow;
mod graph;
mod jump;
mod pointee;
mod program;
mod seen;
mod source;
mod spot;
mod state;
mod step;
mod value;
mod variables;

pub use allocator::{Asked, Handed};
pub use seen::{Confidence, Extent, Landing, Size, Untyped};
pub use value::Gpr;

use crate::dwarf::Dwarf;
use crate::file::Binary;
use crate::lines::Lines;
use crate::table::{Address, FunctionId, Table, TypeId};
use find::Harvest;
use program::Program;
use seen::{Judged, Statement};
use source::Sources;

/// What to look for besides the malloc family.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Symbols of further functions that return memory: those of pools, and of other modules.
    pub extra: Vec<String>,
    /// Do not look at source files.
    pub binary_only: bool,
}

/// One thing that the binary says of a site's block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// How it was learnt.
    pub landing: Landing,
    /// What the block is by it. Typedefs are kept.
    pub ty: TypeId,
    /// The instruction where it was seen.
    pub at: Address,
    /// The variable, the member (`conn_s.pool`), the function that it is handed to; may be empty.
    pub name: String,
}

/// What is to be said of a site's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are of this type.
    Typed {
        /// Typedefs are kept: compare [`crate::table::Type::resolved`].
        ty: TypeId,
        /// How many a block holds.
        extent: Extent,
        /// How sure that is.
        confidence: Confidence,
    },
    /// The function is a wrapper here: its own caller decides.
    Deeper,
    /// It is not known.
    Untyped(Untyped),
}

/// A call of an allocation function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Where the allocation function returns to, as linked: what the allocator records.
    pub address: Address,
    /// The call instruction.
    pub call: Address,
    /// The function that makes the call, if the debug info knows it.
    pub function: Option<FunctionId>,
    /// The function called, by its symbol; empty if it has none.
    pub callee: String,
    /// How much is asked for.
    pub size: Size,
    /// What follows.
    pub verdict: Verdict,
    /// All that was seen, strong before weak.
    pub evidence: Vec<Evidence>,
    /// Where in the block lies what this site's verdict is about: behind a wrapper's own header.
    pub offset: i64,
}

/// A function that hands out what another one allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapper {
    /// Its debug info.
    pub function: FunctionId,
    /// Its symbol.
    pub name: String,
    /// Its code, the part with its entry first: start and end.
    pub code: Vec<(Address, Address)>,
    /// How the number of bytes comes in.
    pub asked: Asked,
    /// How the block goes out.
    pub handed: Handed,
    /// It ends in a jump to its own allocator: no frame of it is on the stack then.
    pub is_tail: bool,
}

/// All sites of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sites {
    sites: Vec<Site>,
    wrappers: Vec<Wrapper>,
}

/// Finds all sites. Without debug info there are sites, but no types and no wrappers.
pub fn find(binary: &Binary, table: &Table, dwarf: Option<&Dwarf<'_>>, options: &Options) -> Sites {
    let program = Program::read(binary, table, dwarf);
    let Harvest { mut sites, wrappers } = find::find(&program, &options.extra);
    if let Some(lines) = dwarf.filter(|_| !options.binary_only).and_then(|dwarf| Lines::new(dwarf).ok()) {
        let mut sources = Sources::default();
        sites.iter_mut().for_each(|site| look_up(&program, &lines, &mut sources, site));
    }
    let mut all = Sites::default();
    all.sites.extend(sites.into_iter().map(|found| site(&program, found)));
    all.sites.sort_by_key(|site| site.address);
    all.wrappers.extend(wrappers.into_iter().filter_map(|found| wrapper(&program, &found)));
    all.wrappers.sort_by_key(|wrapper| wrapper.code.first().copied());
    all
}

/// Holds what was seen of a site against its source.
fn look_up<'r>(
    program: &Program<'r, '_>,
    lines: &Lines<'_>,
    sources: &mut Sources,
    found: &mut find::Found<'r>,
) {
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

fn site(program: &Program<'_, '_>, found: find::Found<'_>) -> Site {
    let find::Found { call, allocator, seen, judged } = found;
    let mut statements: Vec<Statement<'_>> = seen.statements;
    statements.sort_by_key(|statement| (statement.landing, statement.at));
    let evidence = statements.into_iter().map(|Statement { landing, ty, at, name }| Evidence {
        landing,
        ty: ty.id(),
        at,
        name,
    });
    Site {
        address: call.next,
        call: call.address,
        function: program.routines.get(call.routine).and_then(|routine| routine.function),
        callee: program.name(call.target).unwrap_or_default().to_owned(),
        size: seen.size,
        verdict: match judged {
            Judged::Typed { ty, extent, confidence } => Verdict::Typed { ty: ty.id(), extent, confidence },
            Judged::Deeper => Verdict::Deeper,
            Judged::Untyped(why) => Verdict::Untyped(why),
        },
        evidence: evidence.collect(),
        offset: match allocator.handed {
            Handed::Returned(offset) => offset,
            Handed::Stored(_) => 0,
        },
    }
}

fn wrapper(program: &Program<'_, '_>, found: &find::FoundWrapper) -> Option<Wrapper> {
    let routine = program.routines.get(found.routine)?;
    let code: Vec<(Address, Address)> =
        routine.ranges.iter().map(|(low, high)| (Address(*low), Address(*high))).collect();
    let name = program.name(program::Target::Code(code.first()?.0)).unwrap_or_default().to_owned();
    Some(Wrapper {
        function: routine.function?,
        name,
        code,
        asked: found.asked,
        handed: found.handed,
        is_tail: found.is_tail,
    })
}

impl Sites {
    /// All of them, by return address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Site> {
        self.sites.iter()
    }

    /// The site with a return address.
    pub fn at(&self, address: Address) -> Option<&Site> {
        let index = self.sites.binary_search_by_key(&address, |site| site.address).ok()?;
        self.sites.get(index)
    }

    /// All wrappers, by address.
    pub fn wrappers(&self) -> &[Wrapper] {
        &self.wrappers
    }

    /// The site that decides for a block, of the return addresses on the stack when it was made, innermost first: the first that is no
    /// wrapper's. `None`: a frame before that is no site.
    pub fn of_stack(&self, frames: impl IntoIterator<Item = Address>) -> Option<&Site> {
        for frame in frames {
            let site = self.at(frame)?;
            if site.verdict != Verdict::Deeper {
                return Some(site);
            }
        }
        None
    }
}
