//! What roots lead to in a new image, but for what only the old threads' own storage leads to.
//!
//! The old main thread's storage lies in memory that looks like the program's own, so it is in the image. Nothing reads it any more: the new
//! threads have theirs.

use mcrx_tracer::graph::{Edge, Node};
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::Trace;
use std::ops::Range;

/// Bytes of a thread's own data from its thread pointer on: `struct pthread` of glibc 2.36.
const BEHIND_POINTER: u64 = 2304;

/// What is reached.
pub(super) struct Reach<'a> {
    trace: &'a Trace<'a>,
    /// For each block. `None`: as the trace says.
    reached: Option<Vec<bool>>,
}

impl<'a> Reach<'a> {
    /// In a new image, with what stays of an old process.
    pub(super) fn of(trace: &'a Trace<'a>, now: &Process) -> Reach<'a> {
        let dead = thread_storage(now);
        let is_dead = |area: u64, edge: &Edge| {
            area.checked_add(edge.offset).is_some_and(|at| dead.iter().any(|dead| dead.contains(&at)))
        };
        let mut areas = trace.blocks.areas();
        let leads_on = areas.any(|(number, area)| {
            trace.graph.edges(Node(number)).any(|edge| is_dead(area.range.start, &edge))
        });
        let reached = leads_on.then(|| {
            let mut reached = vec![false; trace.graph.nodes().len()];
            let mut work: Vec<Node> =
                trace.graph.nodes().filter(|node| trace.graph.is_start(*node)).collect();
            while let Some(node) = work.pop() {
                let area = trace.graph.block(node).and_then(|number| trace.blocks.area(number));
                for edge in trace.graph.edges(node) {
                    if area.is_some_and(|area| is_dead(area.range.start, &edge)) {
                        continue;
                    }
                    let place = reached.get_mut(usize::try_from(edge.to.0).unwrap_or(usize::MAX));
                    if place.is_some_and(|place| !std::mem::replace(place, true))
                        && !trace.graph.is_start(edge.to)
                    {
                        work.push(edge.to);
                    }
                }
            }
            reached
        });
        Reach { trace, reached }
    }

    /// Whether a root leads to a node.
    pub(super) fn has(&self, node: Node) -> bool {
        match &self.reached {
            Some(_) if self.trace.graph.is_start(node) => true,
            Some(reached) => {
                usize::try_from(node.0).ok().and_then(|node| reached.get(node).copied()).unwrap_or(false)
            }
            None => self.trace.graph.is_reached(node),
        }
    }
}

/// Where the threads of a process have their thread-local variables and what the C library keeps of them.
fn thread_storage(process: &Process) -> Vec<Range<u64>> {
    let below = process.modules.iter().filter_map(|module| module.tls?.below_thread_pointer);
    let below = below.max().unwrap_or(0);
    let pointers =
        process.threads.iter().map(|thread| thread.registers.fs_base).filter(|pointer| *pointer != 0);
    pointers.map(|pointer| pointer.saturating_sub(below)..pointer.saturating_add(BEHIND_POINTER)).collect()
}
