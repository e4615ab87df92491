//! One process, traced: from an image to its graph.
//!
//! ```no_run
//! use mcrx_debuginfo::cache::Cache;
//! use mcrx_tracer::facts::Facts;
//! use mcrx_tracer::trace::{Known, Trace};
//!
//! let image = mcrx_tracer::snapshot::open("nginx.snap".as_ref())?;
//! let process = &image.processes[0];
//! let known = Known::of(process, &Cache::default())?;
//! let facts = Facts::default();
//! let model = known.model(&facts);
//! let trace = Trace::of(process, &known, &model);
//! println!("{} blocks are pinned", trace.totals().pinned.blocks);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::blocks::{Block, Blocks};
use crate::debug::Debug;
use crate::facts::Facts;
use crate::graph::{Graph, Pin, Totals};
use crate::image::Process;
use crate::mark::{Given, Input, Marked, mark};
use crate::model::Model;
use crate::roots::{self, Root};
use mcrx_allocator::reader::{self, Consistency, Heap, Limits, SiteKey, Sites};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::sites::{Extent, Verdict};
use mcrx_debuginfo::table::Address;
use rustc_hash::FxHashMap;

/// What is known of a process before any pointer is followed.
pub struct Known {
    /// Its live blocks, by the allocator's tables.
    pub heap: Heap,
    /// Who made them.
    pub sites: Sites,
    /// Its modules' debug info.
    pub debug: Debug,
    /// For each module the place of its table among those of the model.
    tables: Vec<Option<usize>>,
}

/// Why a process cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is nothing to trace.
    #[error("it has no heap of mcrx's allocator: start it with LD_PRELOAD=/path/to/libmcrx.so")]
    NoHeap,
    /// The heap makes no sense.
    #[error(transparent)]
    Heap(#[from] reader::Error),
}

impl Known {
    /// Reads the heap's tables and the debug info.
    ///
    /// # Errors
    /// See [`TraceError`]. Missing debug info is none.
    pub fn of(process: &Process, cache: &Cache) -> Result<Known, TraceError> {
        let regions = process.regions();
        if regions.is_empty() {
            return Err(TraceError::NoHeap);
        }
        let heap = Heap::read(&process.memory, &regions, Consistency::Stopped, Limits::default())?;
        let sites = Sites::read(&process.memory, &heap)?;
        let debug = Debug::read(process, &sites, cache);
        let mut next = 0..;
        let place = |described: &crate::debug::Described| described.table.as_ref().and_then(|_| next.next());
        let tables = debug.modules.iter().map(place).collect();
        Ok(Known { heap, sites, debug, tables })
    }

    /// The types of all modules.
    pub fn model<'t>(&'t self, facts: &'t Facts) -> Model<'t> {
        Model::new(self.debug.modules.iter().filter_map(|described| described.table.as_ref()), facts)
    }
}

/// A process with the types of its blocks, and the pointers between them.
pub struct Trace<'a> {
    /// Whose.
    pub process: &'a Process,
    /// What was known before.
    pub known: &'a Known,
    /// Types.
    pub model: &'a Model<'a>,
    /// Live blocks.
    pub blocks: Blocks<'a>,
    /// Where it began.
    pub roots: Vec<Root>,
    /// What sites say, for each block.
    pub given: Vec<Option<Given>>,
    /// What was found of types.
    pub marked: Marked,
    /// What was found of pointers.
    pub graph: Graph,
    /// For each block, whether the program itself made it, and no library.
    own: Vec<bool>,
}

impl<'a> Trace<'a> {
    /// Marks a process.
    pub fn of(process: &'a Process, known: &'a Known, model: &'a Model<'a>) -> Trace<'a> {
        let roots = roots::find(process, &known.debug, &known.tables, model);
        let blocks = Blocks::of(&known.heap);
        let mut by_site: FxHashMap<SiteKey, (Option<Given>, bool)> = FxHashMap::default();
        let mut of_block = |block: &Block| match block.site {
            Some(key) => *by_site
                .entry(key)
                .or_insert_with(|| (given(process, known, model, key), is_own(process, known, key))),
            None => (None, false),
        };
        let (given, own): (Vec<_>, Vec<_>) = blocks.all().iter().map(&mut of_block).unzip();
        let input = Input { process, blocks: &blocks, model, roots: &roots, given: &given };
        let marked = mark(&input);
        let graph = Graph::build(&input, &marked);
        Trace { process, known, model, blocks, roots, given, marked, graph, own }
    }

    /// What marking began with.
    pub fn input(&self) -> Input<'_> {
        let Trace { process, model, blocks, roots, given, .. } = self;
        Input { process, blocks, model, roots, given }
    }

    /// Whether the program's own code made a block.
    pub fn is_own(&self, block: u32) -> bool {
        usize::try_from(block).ok().and_then(|block| self.own.get(block)).copied().unwrap_or(false)
    }

    /// Counts of all blocks.
    pub fn totals(&self) -> Totals {
        self.graph.totals(&self.blocks, &self.marked, |_| true)
    }

    /// Counts of those that the program's own code made.
    pub fn own_totals(&self) -> Totals {
        self.graph.totals(&self.blocks, &self.marked, |block| self.is_own(block))
    }

    /// What pins the blocks that the program's own code made.
    pub fn own_pins(&self) -> Vec<Pin> {
        self.graph.pins(&self.input(), &self.marked, |block| self.is_own(block))
    }
}

/// What a site says of its blocks' type.
fn given(process: &Process, known: &Known, model: &Model<'_>, key: SiteKey) -> Option<Given> {
    let site = known.sites.get(key)?;
    let first = site.frames().next()?.address().0;
    let index = process.modules.iter().position(|module| module.range.contains(&first))?;
    let module = process.modules.get(index)?;
    // A wrapper is known within its own module only.
    let frames = site.frames().map(|frame| frame.address().0).take_while(|at| module.range.contains(at));
    let found =
        known.debug.modules.get(index)?.sites.of_stack(frames.map(|at| Address(module.linked(at))))?;
    let Verdict::Typed { ty, extent, .. } = found.verdict else { return None };
    if found.offset != 0 {
        return None;
    }
    let ty = model.number_of((*known.tables.get(index)?)?, ty)?;
    Some(Given { ty, whole: matches!(extent, Extent::Exactly(_) | Extent::Array) })
}

/// Whether the call that decides is in the program itself.
fn is_own(process: &Process, known: &Known, key: SiteKey) -> bool {
    let last = known.sites.get(key).and_then(|site| site.frames().last());
    let module = last.and_then(|frame| process.module_at(frame.address().0));
    module.is_some_and(|module| module.path == process.executable)
}
