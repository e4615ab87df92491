//! From DWARF to a [`Table`].
//!
//! Two passes over the units, both on all cores. The first reads every entry once and keeps a few words of it: of a type a hash of what
//! is said of it, and which types it is made of (`outline`, `walk`). All units' types make one graph (`graph`); declarations are given
//! their definitions (`declared`), and equal types of different units are found (`merge`). The second pass reads again what stands for
//! all that is equal to it, a few percent of the entries, and adds it to the table (`shapes`, `types`, `functions`, `variables`).
//!
//! So what is kept between the passes is small against the debug info, and names are copied once. The table's bytes depend on the file
//! alone, not on how threads are scheduled.
//!
//! Entries are taken for hostile: references may lead anywhere, in circles too; `limits` says how much a file may ask for.
//!
//! What it does not do: read the bodies of functions, except for static locals and types in them; see `frames`.

mod attributes;
mod declared;
mod error;
mod files;
mod functions;
mod gather;
mod graph;
mod hash;
mod limits;
mod merge;
mod names;
mod outline;
mod place;
mod plan;
mod reader;
mod shapes;
mod source;
mod tags;
mod text;
mod types;
mod variables;
mod walk;
mod whole;

pub use error::LoadError;
pub use limits::Excess;

use crate::dwarf::{Dwarf, Role, Slice, Unit, UnitId};
use crate::file::Binary;
use crate::table::{Builder, StringId, Table, TypeId, UnitEntry};
use error::Fault;
use files::Files;
use functions::Functions;
use graph::Graph;
use limits::Budget;
use outline::{NOTHING, Outline, at};
use source::Source;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use text::Memo;
use variables::Variables;
use whole::Whole;

/// Reads all that a binary's debug info says of its types, variables and functions.
pub fn load(binary: &Binary) -> Result<Table, LoadError> {
    load_noting_splits(binary).map(|(table, _)| table)
}

/// The same, and whether some of it is in files of its own (`.dwo`, `.dwp`).
pub(crate) fn load_noting_splits(binary: &Binary) -> Result<(Table, bool), LoadError> {
    let dwarf = binary.dwarf()?;
    let build_id = binary.build_id().map_or(&[][..], |id| id.as_bytes());
    let is_split = dwarf.is_split();
    Ok((table(&dwarf, build_id, || binary.let_go())?, is_split))
}

/// `let_go`: of the pages that were read.
fn table(dwarf: &Dwarf<'_>, build_id: &[u8], let_go: impl Fn()) -> Result<Table, LoadError> {
    let bytes = dwarf.unit_ids().map(|id| length(dwarf, id)).fold(0, u64::saturating_add);
    let budget = Budget::new(bytes);
    let blame = |(unit, fault)| blame(dwarf, unit, fault);
    let mut builder = Builder::new();
    {
        // All of this is gone before the table is put together.
        let (units, outlines) = first_pass(dwarf, &budget)?;
        let mut graph = Graph::link(outlines).map_err(|fault| blame((UnitId(0), fault)))?;
        let classes = merge::classes(&graph);
        let_go();
        graph.outlines.iter_mut().for_each(Outline::forget_hashes);
        let whole = Whole { dwarf, units: &units, graph: &graph, classes: &classes, budget: &budget };
        let mut files = Files::default();
        add_units(&whole, &mut builder);
        types::add(&whole, &mut builder, &mut files).map_err(blame)?;
        let variables = Variables::new(&whole);
        let functions =
            Functions::add(&whole, variables.functions(), &mut builder, &mut files).map_err(blame)?;
        variables.add(&functions, &mut builder, &mut files).map_err(blame)?;
    }
    let_go();
    Ok(builder.finish(build_id))
}

/// What a thread uses for one unit after the other.
#[derive(Default)]
struct Room<'a> {
    scratch: walk::Scratch<'a>,
    plans: plan::Plans,
}

/// What the first pass makes of a unit.
type Read<'a> = (Option<Unit<'a>>, Outline<'a>);

fn first_pass<'a>(
    dwarf: &Dwarf<'a>,
    budget: &Budget,
) -> Result<(Vec<Option<Unit<'a>>>, Vec<Outline<'a>>), LoadError> {
    // The largest first, so that no thread is left with one at the end.
    let mut order: Vec<UnitId> = dwarf.unit_ids().collect();
    order.sort_by_key(|id| std::cmp::Reverse(length(dwarf, *id)));
    let memo = Memo::new();
    let read = |id: UnitId, room: &mut Room<'a>| -> Result<Read<'a>, LoadError> {
        if let Role::Skeleton { .. } = dwarf.role(id) {
            return Ok((None, Outline::default()));
        }
        let unit = dwarf.unit(id)?;
        let plans = std::mem::take(&mut room.plans);
        let source = Source::new(dwarf, &unit, budget, Some(&memo)).with_room_of(plans);
        let outline = walk::unit(&source, &mut room.scratch).map_err(|fault| blame(dwarf, id, fault));
        room.plans = source.plans.into_inner();
        Ok((Some(unit), outline?))
    };
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(order.len())));
    rayon::scope(|scope| {
        for _ in 0..rayon::current_num_threads() {
            scope.spawn(|_| {
                let mut room = Room::default();
                while let Some(id) = order.get(next.fetch_add(1, Relaxed)) {
                    let read = read(*id, &mut room);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((*id, read));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(id, _)| *id);
    let (mut units, mut outlines) = (Vec::with_capacity(results.len()), Vec::with_capacity(results.len()));
    for (_, result) in results {
        let (unit, outline) = result?;
        units.push(unit);
        outlines.push(outline);
    }
    Ok((units, outlines))
}

/// In bytes.
fn length(dwarf: &Dwarf<'_>, id: UnitId) -> u64 {
    u64::try_from(dwarf.header(id).length_including_self()).unwrap_or(u64::MAX)
}

/// Adds all units, and which of the types that will be added each of their entries is.
fn add_units(whole: &Whole<'_, '_>, builder: &mut Builder) {
    for (index, (unit, outline)) in whole.units.iter().zip(&whole.graph.outlines).enumerate() {
        let text = |builder: &mut Builder, text: Option<Slice<'_>>| {
            text.map_or(StringId::default(), |text| builder.string(text.slice()))
        };
        let unit = unit.as_ref().map(|unit| &unit.unit);
        let name = text(builder, unit.and_then(|unit| unit.name));
        let folder = text(builder, unit.and_then(|unit| unit.comp_dir));
        let producer = builder.string(outline.producer);
        let version = unit.map_or(0, |unit| unit.header.version());
        builder.add_unit(UnitEntry { name, folder, producer, language: outline.language, version });
        let classes = whole.classes.all().get(at(whole.graph.base(index))..).unwrap_or(&[]);
        for (die, class) in outline.dies.iter().zip(classes).filter(|(_, class)| **class != NOTHING) {
            builder.add_offset(*die, TypeId(*class));
        }
    }
}

fn blame(dwarf: &Dwarf<'_>, id: UnitId, fault: Fault) -> LoadError {
    let path = dwarf.file(id).to_owned();
    match fault {
        Fault::Excessive(excess) => LoadError::Excessive { path, excess },
        Fault::Damaged(source) => {
            let header = dwarf.header(id);
            let offset = header.debug_info_offset().map(|offset| offset.0);
            let offset = offset.or_else(|| header.debug_types_offset().map(|offset| offset.0));
            let unit = offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0);
            LoadError::Damaged { path, unit, source }
        }
    }
}
