use super::*;
use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;

fn edges(lists: &[Vec<u32>]) -> Edges {
    let mut edges = Edges::default();
    lists.iter().for_each(|targets| edges.push(targets.iter().copied()));
    edges
}

/// The same by petgraph, with one more node that leads to all beginnings.
fn by_petgraph(lists: &[Vec<u32>], beginnings: &[u32]) -> Vec<Option<u32>> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = lists.iter().map(|_| graph.add_node(())).collect();
    let beginning = graph.add_node(());
    for (from, targets) in nodes.iter().zip(lists) {
        for to in targets {
            graph.add_edge(*from, nodes[at(*to)], ());
        }
    }
    for to in beginnings {
        graph.add_edge(beginning, nodes[at(*to)], ());
    }
    let dominators = simple_fast(&graph, beginning);
    let above = |node: &NodeIndex| dominators.immediate_dominator(*node).filter(|above| *above != beginning);
    nodes.iter().map(|node| above(node).map(|above| number(above.index()))).collect()
}

/// What can be reached, without a node.
fn reached(lists: &[Vec<u32>], beginnings: &[u32], without: Option<u32>) -> Vec<bool> {
    let mut seen = vec![false; lists.len()];
    let mut work: Vec<u32> = beginnings.to_vec();
    while let Some(node) = work.pop() {
        if Some(node) != without && !std::mem::replace(&mut seen[at(node)], true) {
            work.extend(&lists[at(node)]);
        }
    }
    seen
}

fn graph() -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<u32>)> {
    // Few edges make deep trees, many make flat ones.
    (1..40_u32, 1..5_usize).prop_flat_map(|(nodes, edges)| {
        let targets = prop::collection::vec(0..nodes, 0..=edges);
        (prop::collection::vec(targets, at(nodes)), prop::collection::vec(0..nodes, 0..4))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn dominators_are_petgraphs((lists, beginnings) in graph()) {
        let dominators = Dominators::of(&edges(&lists), &beginnings);
        let expected = by_petgraph(&lists, &beginnings);
        let found: Vec<Option<u32>> = (0..).zip(&lists).map(|(node, _)| dominators.above(node)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_a_node_retains_is_what_cannot_be_reached_without_it((lists, beginnings) in graph()) {
        let dominators = Dominators::of(&edges(&lists), &beginnings);
        let size = |node: u32| u64::from(node) + 1;
        let retained = dominators.retained(size);
        let all = reached(&lists, &beginnings, None);
        for node in 0..number(lists.len()) {
            let without = reached(&lists, &beginnings, Some(node));
            let gone = (0..number(lists.len())).filter(|other| all[at(*other)] && !without[at(*other)]);
            let expected: u64 = gone.map(size).sum();
            prop_assert_eq!(retained[at(node)], if all[at(node)] { expected } else { size(node) });
        }
    }

    #[test]
    fn a_walk_enters_and_leaves_what_is_reached_once_and_inside_of_what_is_above((lists, beginnings) in graph()) {
        let dominators = Dominators::of(&edges(&lists), &beginnings);
        let (mut path, mut seen) = (Vec::new(), 0);
        dominators.tree().walk(|step| match step {
            Step::Enter(node) => {
                assert_eq!(dominators.above(node), path.last().copied());
                path.push(node);
                seen += 1;
            }
            Step::Leave(node) => assert_eq!(path.pop(), Some(node)),
        });
        prop_assert!(path.is_empty());
        prop_assert_eq!(seen, dominators.order().len());
    }
}

#[test]
fn a_list_of_a_million_is_as_deep_as_it_is_long() {
    const LENGTH: u32 = 1_000_000;
    let mut list = Edges::default();
    (1..LENGTH).for_each(|next| list.push([next]));
    list.push([]);
    let dominators = Dominators::of(&list, &[0]);
    assert_eq!(dominators.above(LENGTH - 1), Some(LENGTH - 2));
    assert_eq!(dominators.retained(|_| 8)[0], 8 * u64::from(LENGTH));
    let mut steps = 0;
    dominators.tree().walk(|_| steps += 1);
    assert_eq!(steps, 2 * LENGTH);
}

#[test]
fn what_two_beginnings_lead_to_has_nobody_above_it() {
    let dominators = Dominators::of(&edges(&[vec![2], vec![2], vec![3], vec![]]), &[0, 1]);
    assert_eq!([0, 1, 2, 3].map(|node| dominators.above(node)), [None, None, None, Some(2)]);
}
