//! Small graphs as the manual draws them, and random ones beside a twin that works by definition.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Pointers between numbered blocks.
#[derive(Debug, Clone, Default)]
struct Drawn {
    blocks: u32,
    /// From roots: to, and whether to its start.
    roots: Vec<(u32, bool)>,
    /// From, to, whether to its start.
    pointers: Vec<(u32, u32, bool)>,
}

impl Drawn {
    /// The one source has the number after the last block.
    fn from(&self, number: u32) -> impl Iterator<Item = Pointer> {
        let of_root = self.roots.iter().filter(move |_| number == self.blocks).copied();
        let of_block = self.pointers.iter().filter(move |(from, ..)| *from == number);
        of_root
            .chain(of_block.map(|(_, to, is_to_start)| (*to, *is_to_start)))
            .map(|(to, is_to_start)| Pointer { to, is_to_start })
    }

    /// All that some blocks lead to, they themselves included.
    fn closure(&self, from: u32, only_starts: bool) -> BTreeSet<u32> {
        let mut seen = BTreeSet::from([from]);
        loop {
            let next: BTreeSet<u32> = seen
                .iter()
                .flat_map(|number| self.from(*number))
                .filter(|pointer| pointer.is_to_start || !only_starts)
                .map(|pointer| pointer.to)
                .chain(seen.iter().copied())
                .collect();
            if next == seen {
                return seen;
            }
            seen = next;
        }
    }

    fn lost(&self) -> Lost {
        let reached = self.closure(self.blocks, false);
        classify(
            self.blocks,
            [self.blocks].into_iter(),
            0..self.blocks,
            |block| reached.contains(&block),
            |number| self.from(number),
        )
    }

    fn holdings(&self) -> Vec<Holding> {
        let lost = self.lost();
        (0..self.blocks).map(|block| lost.holding(block)).collect()
    }

    /// By the manual's words, block by block.
    fn by_definition(&self) -> Vec<Holding> {
        let (reached, surely) = (self.closure(self.blocks, false), self.closure(self.blocks, true));
        let lost: Vec<u32> = (0..self.blocks).filter(|block| !reached.contains(block)).collect();
        let holding = |block| {
            if surely.contains(&block) {
                return Holding::Reachable;
            }
            if reached.contains(&block) {
                return Holding::Possibly;
            }
            let held_by: Vec<u32> = lost
                .iter()
                .copied()
                .filter(|other| *other != block && self.closure(*other, false).contains(&block))
                .collect();
            let leads_to = self.closure(block, false);
            // Blocks that lead to each other are one; the first of them leads.
            let leads = held_by.iter().all(|other| leads_to.contains(other) && *other > block);
            if leads { Holding::Definitely } else { Holding::Indirectly }
        };
        (0..self.blocks).map(holding).collect()
    }
}

fn drawn(blocks: u32, roots: &[(u32, bool)], pointers: &[(u32, u32, bool)]) -> Drawn {
    Drawn { blocks, roots: roots.to_vec(), pointers: pointers.to_vec() }
}

use Holding::{Definitely as DL, Indirectly as IL, Possibly as PL, Reachable as DR};

#[test]
fn the_nine_cases_of_the_manual_are_told_as_it_tells_them() {
    // A is block 0 and B is block 1; true: to the start.
    let (start, inside) = (true, false);
    for (case, roots, pointers, holdings) in [
        (1, &[(1, start)][..], &[][..], [DL, DR]),
        (2, &[(0, start)], &[(0, 1, start)], [DR, DR]),
        (3, &[], &[], [DL, DL]),
        (4, &[], &[(0, 1, start)], [DL, IL]),
        (5, &[(1, inside)], &[], [DL, PL]),
        (6, &[(0, start)], &[(0, 1, inside)], [DR, PL]),
        (7, &[(0, inside)], &[(0, 1, start)], [PL, PL]),
        (8, &[(0, inside)], &[(0, 1, inside)], [PL, PL]),
        (9, &[], &[(0, 1, inside)], [DL, IL]),
    ] {
        assert_eq!(drawn(2, roots, pointers).holdings(), holdings, "case {case}");
    }
}

#[test]
fn of_a_ring_the_lowest_block_leads_and_all_are_pointed_at() {
    let ring = drawn(3, &[], &[(0, 1, true), (1, 2, true), (2, 0, true)]);
    assert_eq!(ring.holdings(), [DL, IL, IL]);
    let lost = ring.lost();
    assert!((0..3).all(|block| lost.is_pointed_at(block)));
    assert_eq!([0, 1, 2].map(|block| lost.leader(block)), [None, Some(0), Some(0)]);
}

#[test]
fn a_block_that_points_to_itself_alone_is_lost_directly() {
    let own = drawn(1, &[], &[(0, 0, true)]);
    assert_eq!((own.holdings(), own.lost().is_pointed_at(0)), (vec![DL], false));
}

#[test]
fn a_leader_that_a_later_one_leads_to_gives_up_what_it_had() {
    // 0 leads 1; 2 leads 0; 3 leads 2.
    let chain = drawn(4, &[], &[(0, 1, true), (2, 0, true), (3, 2, true)]);
    assert_eq!(chain.holdings(), [IL, IL, IL, DL]);
    let lost = chain.lost();
    assert_eq!([0, 1, 2].map(|block| lost.leader(block)), [Some(3); 3]);
}

#[test]
fn a_ring_that_another_block_leads_into_has_no_leader_of_its_own() {
    // Memcheck would say that 0 is definitely lost, too.
    let entered = drawn(3, &[], &[(0, 1, true), (1, 0, true), (2, 1, true)]);
    assert_eq!(entered.holdings(), [IL, IL, DL]);
}

#[test]
fn a_list_of_a_million_blocks_overflows_no_stack() {
    const BLOCKS: u32 = 1_000_000;
    let next = |number: u32| {
        let next = (number + 1 < BLOCKS).then_some(Pointer { to: number + 1, is_to_start: true });
        next.into_iter()
    };
    let lost = classify(BLOCKS, std::iter::empty(), 0..BLOCKS, |_| false, next);
    assert_eq!((lost.holding(0), lost.leader(BLOCKS - 1)), (DL, Some(0)));
    // The other way round each block is a leader until the next one takes it over.
    let before = |number: u32| number.checked_sub(1).map(|to| Pointer { to, is_to_start: true }).into_iter();
    let lost = classify(BLOCKS, std::iter::empty(), 0..BLOCKS, |_| false, before);
    assert_eq!((lost.holding(BLOCKS - 1), lost.leader(0)), (DL, Some(BLOCKS - 1)));
}

fn graph() -> impl Strategy<Value = Drawn> {
    (1u32..10).prop_flat_map(|blocks| {
        let roots = prop::collection::vec((0..blocks, prop::bool::ANY), 0..3);
        let pointers = prop::collection::vec((0..blocks, 0..blocks, prop::bool::weighted(0.7)), 0..14);
        (roots, pointers).prop_map(move |(roots, pointers)| Drawn { blocks, roots, pointers })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_graphs_are_told_as_the_definitions_tell_them(graph in graph()) {
        prop_assert_eq!(graph.holdings(), graph.by_definition());
    }

    #[test]
    fn a_leader_leads_to_what_is_lost_with_it(graph in graph()) {
        let lost = graph.lost();
        for block in 0..graph.blocks {
            let is_indirect = lost.holding(block) == IL;
            prop_assert_eq!(lost.leader(block).is_some(), is_indirect);
            if let Some(leader) = lost.leader(block) {
                prop_assert_eq!(lost.holding(leader), DL);
                prop_assert!(graph.closure(leader, false).contains(&block));
            }
        }
    }

    #[test]
    fn what_a_lost_block_points_to_is_no_direct_leak(graph in graph()) {
        let lost = graph.lost();
        let is_lost = |block| matches!(lost.holding(block), DL | IL);
        for block in (0..graph.blocks).filter(|block| is_lost(*block)) {
            let points_here = |(from, to, _): &(u32, u32, bool)| {
                *to == block && *from != block && is_lost(*from)
            };
            prop_assert_eq!(lost.is_pointed_at(block), graph.pointers.iter().any(points_here));
        }
    }
}
