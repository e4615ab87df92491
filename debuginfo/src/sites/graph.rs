//! The code of one function: its instructions, and which of them may follow which.
//!
//! Blocks are runs of instructions that are entered at the first only. Calls do not end them, but calls that never return do: what lies
//! behind such a call belongs to something else. Jumps by a table lead where [`jump`] finds; code that no edge reaches is not analysed.

use super::jump;
use crate::file::Binary;
use crate::table::Address;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction};
use rustc_hash::FxHashMap;

/// The longest function that is analysed, in instructions. The longest of real servers have some ten thousand.
const MOST_INSTRUCTIONS: usize = 200_000;

/// A run of addresses.
pub(super) type Range = (u64, u64);

/// Decodes runs of code, in the order given. Stops where bytes are none, or no code.
pub(super) fn decode(binary: &Binary, ranges: &[Range]) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    for (low, high) in ranges {
        let len = usize::try_from(high.saturating_sub(*low)).unwrap_or(0);
        let Some(code) = binary.code(Address(*low), len) else { continue };
        let mut decoder = Decoder::with_ip(64, code, *low, DecoderOptions::NONE);
        while decoder.can_decode() && instructions.len() < MOST_INSTRUCTIONS {
            let instruction = decoder.decode();
            if instruction.code() == Code::INVALID {
                break;
            }
            instructions.push(instruction);
        }
    }
    instructions
}

/// How an edge is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Whatever the flags.
    Always,
    /// Only if the flags say zero.
    IfZero,
    /// Only if they say not zero, or something else about them.
    IfOther,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// Indices of instructions, the last one excluded.
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) next: Vec<(usize, Edge)>,
}

/// A function's instructions in blocks.
pub(super) struct Graph {
    pub(super) instructions: Vec<Instruction>,
    pub(super) blocks: Vec<Block>,
    /// The block that begins at an address.
    by_address: FxHashMap<u64, usize>,
    /// Where jumps by a table lead, by the address of the jump.
    tables: FxHashMap<u64, Vec<u64>>,
}

impl Graph {
    /// Of the instructions in some ranges. `never_returns` says it of a call or of what else ends in one.
    pub(super) fn new(
        binary: &Binary,
        mut instructions: Vec<Instruction>,
        ranges: &[Range],
        never_returns: impl Fn(&Instruction) -> bool,
    ) -> Graph {
        instructions.sort_by_key(Instruction::ip);
        instructions.dedup_by_key(|instruction| instruction.ip());
        let addresses: Vec<u64> = instructions.iter().map(Instruction::ip).collect();
        let is_code = |address: u64| addresses.binary_search(&address).is_ok();
        let tables = jump::tables(binary, &instructions, is_code);
        let mut leaders: Vec<u64> = Vec::new();
        leaders.extend(ranges.iter().map(|(low, _)| *low));
        leaders.extend(tables.values().flatten());
        for instruction in &instructions {
            let flow = instruction.flow_control();
            if matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) {
                leaders.push(instruction.near_branch_target());
            }
            if ends_block(instruction) || never_returns(instruction) {
                leaders.push(instruction.next_ip());
            }
        }
        leaders.sort_unstable();
        leaders.dedup();
        leaders.retain(|leader| is_code(*leader));
        let firsts: Vec<usize> =
            leaders.iter().filter_map(|leader| addresses.binary_search(leader).ok()).collect();
        let (blocks, by_address) = (Vec::new(), FxHashMap::default());
        let mut graph = Graph { instructions, blocks, by_address, tables };
        for (index, first) in firsts.iter().enumerate() {
            let end = firsts.get(index + 1).copied().unwrap_or(addresses.len());
            // Ranges lie apart: a block does not go on behind the end of one.
            let run = graph.instructions[*first..end].windows(2);
            let joined = run.take_while(|pair| pair[0].next_ip() == pair[1].ip()).count();
            graph.by_address.insert(addresses[*first], index);
            graph.blocks.push(Block { first: *first, end: (*first + joined + 1).min(end), next: Vec::new() });
        }
        for index in 0..graph.blocks.len() {
            graph.blocks[index].next = graph.edges(index, &never_returns);
        }
        graph
    }

    fn edges(&self, index: usize, never_returns: &impl Fn(&Instruction) -> bool) -> Vec<(usize, Edge)> {
        let Some(last) = self.last(index) else { return Vec::new() };
        let to = |address: u64| self.by_address.get(&address).copied();
        if never_returns(last) {
            return Vec::new();
        }
        let next = to(last.next_ip());
        match last.flow_control() {
            FlowControl::ConditionalBranch => {
                let (taken, passed) = match last.condition_code() {
                    iced_x86::ConditionCode::e => (Edge::IfZero, Edge::IfOther),
                    iced_x86::ConditionCode::ne => (Edge::IfOther, Edge::IfZero),
                    _ => (Edge::Always, Edge::Always),
                };
                let target = to(last.near_branch_target());
                [(target, taken), (next, passed)]
                    .into_iter()
                    .filter_map(|(to, how)| Some((to?, how)))
                    .collect()
            }
            FlowControl::UnconditionalBranch => {
                to(last.near_branch_target()).map(|to| (to, Edge::Always)).into_iter().collect()
            }
            FlowControl::IndirectBranch => {
                let targets = self.tables.get(&last.ip()).into_iter().flatten();
                targets.filter_map(|target| Some((to(*target)?, Edge::Always))).collect()
            }
            FlowControl::Return | FlowControl::Exception | FlowControl::Interrupt => Vec::new(),
            _ => next.map(|next| (next, Edge::Always)).into_iter().collect(),
        }
    }

    fn last(&self, block: usize) -> Option<&Instruction> {
        self.instructions.get(self.blocks.get(block)?.end.checked_sub(1)?)
    }

    /// The block that begins at an address.
    pub(super) fn block_at(&self, address: u64) -> Option<usize> {
        self.by_address.get(&address).copied()
    }
}

fn ends_block(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::ConditionalBranch
            | FlowControl::UnconditionalBranch
            | FlowControl::IndirectBranch
            | FlowControl::Return
            | FlowControl::Exception
    )
}
