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

use crate::blocks::Blocks;
use crate::debug::{Debug, Described, Shelf};
use crate::facts::Facts;
use crate::given::{self, BySite, Placed};
use crate::graph::{Graph, Node, Pin, Totals};
use crate::image::Process;
use crate::mark::{Input, Marked, mark, read};
use crate::marks::Marks;
use crate::model::{Model, Pointer, Ty};
use crate::roots::{self, Root, Starts};
use mcrx_allocator::reader::{self, Consistency, Heap, Limits, Sites};
use mcrx_debuginfo::cache::Cache;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// What is known of a process before any pointer is followed.
pub struct Known {
    /// Its live blocks, by the allocator's tables.
    pub heap: Heap,
    /// Who made them.
    pub sites: Sites,
    /// Its modules' debug info.
    pub debug: Debug,
    /// For each module the place of its table among those of the model.
    pub(crate) tables: Vec<Option<usize>>,
    /// For each module what is to be added to its addresses as linked.
    biases: Vec<u64>,
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
        Known::with(process, &Shelf::new(cache.clone()))
    }

    /// The same for one process of several: debug info that the shelf has is not read again.
    ///
    /// # Errors
    /// See [`TraceError`].
    pub fn with(process: &Process, shelf: &Shelf) -> Result<Known, TraceError> {
        let regions = process.regions();
        if regions.is_empty() {
            return Err(TraceError::NoHeap);
        }
        let heap = Heap::read(&process.memory, &regions, Consistency::Stopped, Limits::default())?;
        let sites = Sites::read(&process.memory, &heap)?;
        let debug = Debug::read(process, &sites, shelf);
        let mut next = 0..;
        let place = |described: &Arc<Described>| described.table.as_ref().and_then(|_| next.next());
        let tables = debug.modules.iter().map(place).collect();
        let biases = process.modules.iter().map(|module| module.bias).collect();
        Ok(Known { heap, sites, debug, tables, biases })
    }

    /// The types of all modules.
    pub fn model<'t>(&'t self, facts: &'t Facts) -> Model<'t> {
        let modules = self.debug.modules.iter().zip(&self.biases);
        Model::loaded(modules.filter_map(|(module, bias)| Some((module.table.as_ref()?, *bias))), facts)
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
    /// What sites say.
    pub by_site: BySite,
    /// What facts have placed somewhere.
    pub placed: Vec<Placed>,
    /// What was found of types.
    pub marked: Marked,
    /// What was found of pointers.
    pub graph: Graph,
    /// For each block, whether the program's own code made it.
    own: Marks,
    /// Of all blocks, and of those; counted when they are asked for.
    totals: OnceLock<(Totals, Totals)>,
}

impl<'a> Trace<'a> {
    /// Marks a process.
    pub fn of(process: &'a Process, known: &'a Known, model: &'a Model<'a>) -> Trace<'a> {
        Trace::knowing(process, known, model, Vec::new())
    }

    /// Marks a process of which it is known, for some blocks, what they hold, and in which part of them: of an image that was made, and whose
    /// sites are those of a program that is not there any more. What follows that part is not in use: an object got smaller where it was. It is
    /// also quicker than to find it out, pointer by pointer.
    pub fn knowing(
        process: &'a Process,
        known: &'a Known,
        model: &'a Model<'a>,
        told: Vec<(Range<u64>, Ty)>,
    ) -> Trace<'a> {
        let Starts { roots, areas } = roots::find(process, &known.debug, &known.tables, model);
        let blocks = Blocks::of(&known.heap, areas).in_use(told.par_iter().map(|(part, _)| part));
        let told = told.into_iter().map(|(part, ty)| (part.start, ty)).collect();
        let by_site = BySite::of(process, known, model).told(told);
        let blocks = blocks.handed_out(|pool| given::end_of_use(process, pool, model, &by_site));
        let placed = given::placed(process, &blocks, model);
        let input =
            Input { process, blocks: &blocks, model, roots: &roots, given: &by_site, placed: &placed };
        let marked = mark(&input);
        let graph = Graph::build(&input, &marked);
        let own = own(&blocks, &by_site);
        Trace {
            process,
            known,
            model,
            blocks,
            roots,
            by_site,
            placed,
            marked,
            graph,
            own,
            totals: OnceLock::new(),
        }
    }

    /// What marking began with.
    pub fn input(&self) -> Input<'_> {
        let Trace { process, model, blocks, roots, by_site, placed, .. } = self;
        Input { process, blocks, model, roots, given: by_site, placed }
    }

    /// The words of a node that are pointers, or may be, by what is known of its type; offsets are from its start. What the program may
    /// have left there and does not use any more is not among them.
    pub fn pointers(&self, node: Node, each: &mut impl FnMut(Pointer)) {
        let input = self.input();
        if let Some(root) = self.graph.root(node).and_then(|root| self.roots.get(root)) {
            return read::root(&input, root, each);
        }
        let Some((number, block)) =
            self.graph.block(node).and_then(|number| Some((number, self.blocks.get(number)?)))
        else {
            return;
        };
        if let Some(ty) = self.marked.ty(number) {
            let bytes = read::bytes(&input, &block, 0..block.len).unwrap_or(&[]);
            return read::whole(&input, block.address, bytes, ty, each);
        }
        for (offset, island) in self.marked.islands_of(number) {
            read::island(&input, &block, offset, island, each);
        }
        read::rest(&input, &block, self.marked.islands_of(number), each);
    }

    /// Whether the program's own code made a block.
    pub fn is_own(&self, block: u32) -> bool {
        self.own.has(block)
    }

    fn counted(&self) -> &(Totals, Totals) {
        self.totals.get_or_init(|| self.graph.totals(&self.blocks, &self.marked, |block| self.is_own(block)))
    }

    /// Counts of all blocks.
    pub fn totals(&self) -> Totals {
        self.counted().0
    }

    /// Counts of those that the program's own code made.
    pub fn own_totals(&self) -> Totals {
        self.counted().1
    }

    /// What pins the blocks that the program's own code made.
    pub fn own_pins(&self) -> Vec<Pin> {
        self.graph.pins(&self.input(), &self.marked, |block| self.is_own(block))
    }
}

/// Numbers that one thread looks at at a time.
const CHUNK: u32 = 1 << 14;

/// Whether the program's own code made each block.
fn own(blocks: &Blocks<'_>, by_site: &BySite) -> Marks {
    let own = Marks::clear(blocks.numbers());
    (0..blocks.numbers().div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
        let first = chunk * CHUNK;
        let made_here = blocks.range(first..first.saturating_add(CHUNK));
        for (number, _) in made_here.filter(|(_, block)| by_site.is_own(block.site)) {
            own.set(number);
        }
    });
    own
}
