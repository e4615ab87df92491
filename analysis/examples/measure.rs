//! How long analyses of a large heap take, and how much memory: `measure mcrx|petgraph BLOCKS` prints one JSON object. `cargo xtask bench analysis`
//! runs it. With `petgraph`, dominators are its; nothing else is measured then.
//!
//! The heap is made up: a table of lists whose nodes hold two blocks each, as a cache has them, and pointers back to nodes elsewhere, from numbers
//! that are always the same. `index_bytes` is what the index of one snapshot takes, `peak_bytes` the most that the process had.

use mcrx_analysis::diff::Diff;
use mcrx_analysis::dominators::Dominators;
use mcrx_analysis::edges::Edges;
use mcrx_analysis::index::{Block, Group, Index, Life, Snapshot};
use mcrx_analysis::owners::{Owner, Owners};
use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use std::hint::black_box;
use std::time::{Duration, Instant};

const TYPES: u32 = 60;
const SITES: u32 = 400;
const OWNERS: u32 = 200;
/// Nodes of one list.
const LIST: u32 = 8;

fn main() {
    let side = std::env::args().nth(1).expect("mcrx or petgraph");
    let blocks = std::env::args().nth(2).expect("how many blocks").parse().expect("a number of blocks");
    if side == "petgraph" {
        return by_petgraph(&heap(0, blocks));
    }
    // A tenth is gone in the second one, and a tenth is new.
    let before = Snapshot { processes: vec![heap(0, blocks)] };
    let index = &before.processes[0];
    let edges: usize = (0..index.edges.nodes()).map(|node| index.edges.of(node).len()).sum();
    let index_bytes =
        size_of::<Block>() * index.blocks.len() + size_of::<u32>() * (index.blocks.len() + edges);
    let start = Instant::now();
    let dominators = Dominators::of(&index.edges, &index.beginnings());
    let dominators_ms = milliseconds(start.elapsed());
    let start = Instant::now();
    let block = |node: u32| usize::try_from(node).ok().and_then(|node| index.blocks.get(node));
    let retained = dominators.retained(|node| block(node).map_or(0, |block| block.bytes));
    let retained_ms = milliseconds(start.elapsed());
    let peak_bytes = peak();
    black_box((retained.len(), dominators.order().len()));
    drop((dominators, retained));
    let after = Snapshot { processes: vec![heap(blocks / 10, blocks)] };
    let start = Instant::now();
    let diff = Diff::of(&before, &after);
    let diff_ms = milliseconds(start.elapsed());
    assert_eq!(diff.total.made.map(|made| made.blocks), Some(u64::from(blocks / 10)));
    println!(
        "{{\"blocks\":{blocks},\"edges\":{edges},\"index_bytes\":{index_bytes},\"dominators_ms\":{dominators_ms},\
         \"retained_ms\":{retained_ms},\"peak_bytes\":{peak_bytes},\"diff_ms\":{diff_ms}}}"
    );
}

fn by_petgraph(index: &Index) {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = (0..index.edges.nodes()).map(|_| graph.add_node(())).collect();
    for (from, node) in nodes.iter().zip(0..) {
        for to in index.edges.of(node).iter().filter_map(|to| nodes.get(usize::try_from(*to).ok()?)) {
            graph.add_edge(*from, *to, ());
        }
    }
    let root = nodes.last().copied().expect("a beginning");
    let start = Instant::now();
    let dominators = simple_fast(&graph, root);
    let dominators_ms = milliseconds(start.elapsed());
    black_box(dominators.immediate_dominator(nodes[0]));
    println!("{{\"dominators_ms\":{dominators_ms}}}");
}

/// Blocks from number `first` on.
fn heap(first: u32, count: u32) -> Index {
    let mut owners = Owners::default();
    for owner in 0..OWNERS {
        owners.start(&format!("owner_{owner}"));
    }
    let groups = TYPES * SITES;
    let block = |number: u32| Block {
        address: u64::from(number) * 64,
        bytes: u64::from(number % 50) + 1,
        life: Life::new(1, false),
        group: number.wrapping_mul(2_654_435_761) % groups,
    };
    let mut edges = Edges::default();
    for node in 0..count {
        // Each third block is a node of a list; it leads to the two behind it, to the next node, and now and then elsewhere.
        let back = node % 3 == 0 && node % 7 == 0;
        let elsewhere = node.wrapping_mul(2_246_822_519) % count;
        let is_last = node / 3 % LIST == LIST - 1;
        let targets = [
            (node % 3 == 0, node + 1),
            (node % 3 == 0, node + 2),
            (node % 3 == 0 && !is_last, node + 3),
            (back, elsewhere),
        ];
        edges.push(targets.into_iter().filter(|(is_there, to)| *is_there && *to < count).map(|(_, to)| to));
    }
    let step = usize::try_from(3 * LIST).unwrap_or(1);
    edges.push((0..count).step_by(step));
    edges.finish();
    Index {
        blocks: (first..first + count).map(block).collect(),
        groups: (0..groups)
            .map(|group| Group { ty: group % TYPES, site: group / TYPES, owner: Owner(group % OWNERS) })
            .collect(),
        types: (0..TYPES).map(|ty| format!("struct type_{ty}")).collect(),
        sites: (0..SITES).map(|_| Vec::new()).collect(),
        owners,
        edges,
        starts: vec![Owner(0)],
        ..Index::default()
    }
}

/// The most memory that the process has had, as the kernel counts it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kilobytes * 1024
}

fn milliseconds(time: Duration) -> u128 {
    time.as_millis()
}
