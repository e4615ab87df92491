//! Random heaps: two tracers agree on them, however many threads the first one has.

use crate::program::{AREAS, Program, block};
use proptest::prelude::*;

const REFS: [&str; 5] = ["leaf_ref", "node_ref", "outer_ref", "list_ref", "choice_ref"];
const TYPES: [&str; 5] = ["leaf", "node", "outer", "list", "choice"];
/// Most blocks of one heap.
const BLOCKS: usize = 24;

/// A word: mostly a pointer to the start of a block or into it, else a number.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0..BLOCKS).prop_map(block),
        2 => (0..BLOCKS, 0u64..9).prop_map(|(number, words)| block(number) + words * 8),
        1 => (0..BLOCKS, 0u64..80).prop_map(|(number, bytes)| block(number) + bytes),
        1 => (0u64..9).prop_map(|words| AREAS + words * 8),
        4 => 0u64..10,
        1 => any::<u64>(),
    ]
}

fn program() -> impl Strategy<Value = Program> {
    let blocks = prop::collection::vec(prop::collection::vec(word(), 1..13), 1..BLOCKS);
    let root = (prop::option::weighted(0.8, 0..REFS.len()), word());
    let given = prop::collection::vec((0..BLOCKS, 0..TYPES.len()), 0..6);
    let area = prop::option::weighted(0.3, prop::collection::vec(word(), 1..13));
    let one = prop::option::of((0..BLOCKS, 0..TYPES.len()));
    let roots = prop::collection::vec(root, 1..8);
    (blocks, roots, given, one, area).prop_map(|(blocks, roots, given, one, areas)| {
        let one = one.filter(|(number, _)| *number < blocks.len());
        let given = given.into_iter().filter(|(number, _)| *number < blocks.len());
        Program {
            given_one: one.map(|(number, ty)| (number, TYPES[ty])).into_iter().collect(),
            given: given.map(|(number, ty)| (number, TYPES[ty])).collect(),
            roots: roots.into_iter().map(|(ty, word)| (ty.map(|ty| REFS[ty]), vec![word])).collect(),
            blocks,
            areas: areas.into_iter().collect(),
            ..Program::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_slow_tracer_agrees_on_random_heaps(program in program()) {
        let result = program.run();
        prop_assert!(result.differences.is_empty(), "{:#?}", result.differences);
    }

    #[test]
    fn marking_a_random_heap_twice_gives_the_same(program in program()) {
        let (one, other) = (program.run(), program.run());
        prop_assert_eq!(one.marked, other.marked);
        prop_assert_eq!(one.graph, other.graph);
    }
}
