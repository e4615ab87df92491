//! From objects and their types to edges.

use super::{Edge, Kind, Node};
use crate::blocks::Hit;
use crate::mark::rounds::gaps;
use crate::mark::{Input, Marked};
use crate::model::{Fit, Pointer, Relation, Sort, Ty, scan_conservatively};
use crate::roots::RootKind;

/// Edges of some nodes, side by side.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) edges: Vec<Edge>,
    /// How many each node has.
    pub(super) counts: Vec<usize>,
    /// How many pointers of each node lead to no node.
    pub(super) elsewhere: Vec<u32>,
}

pub(super) struct Builder<'a> {
    input: &'a Input<'a>,
    marked: &'a Marked,
    /// Addresses of roots that pointers may lead to: first byte, end, number.
    places: Vec<(u64, u64, u32)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(input: &'a Input<'a>, marked: &'a Marked) -> Builder<'a> {
        let is_object = |kind| matches!(kind, RootKind::Variable | RootKind::ThreadLocal | RootKind::Local);
        let roots = (0u32..).zip(input.roots).filter(|(_, root)| is_object(root.kind) && root.address != 0);
        let mut places: Vec<(u64, u64, u32)> = roots
            .map(|(number, root)| (root.address, root.address.saturating_add(root.len), number))
            .collect();
        places.sort_unstable();
        Builder { input, marked, places }
    }

    pub(super) fn rows(&self, nodes: &[u32], blocks: u32) -> Rows {
        let mut rows = Rows::default();
        for node in nodes {
            let before = rows.edges.len();
            rows.elsewhere.push(0);
            match node.checked_sub(blocks) {
                None => self.add_block(*node, blocks, &mut rows),
                Some(root) => self.add_root(root, blocks, &mut rows),
            }
            if let Some(of_node) = rows.edges.get_mut(before..) {
                of_node.sort_unstable();
            }
            rows.counts.push(rows.edges.len() - before);
        }
        rows
    }

    fn add_root(&self, number: u32, blocks: u32, rows: &mut Rows) {
        let root = usize::try_from(number).ok().and_then(|number| self.input.roots.get(number));
        let Some((root, bytes)) = root.and_then(|root| Some((root, root.bytes(self.input.process)?))) else {
            return;
        };
        let mut each = |pointer| self.add(pointer, 0, blocks, rows);
        match root.ty {
            Some(ty) => {
                self.input.model.scan(&self.input.process.memory, ty, false, root.address, bytes, &mut each)
            }
            None => scan_conservatively(root.address, bytes, each),
        }
    }

    fn add_block(&self, number: u32, blocks: u32, rows: &mut Rows) {
        let Some(block) = self.input.blocks.get(number) else { return };
        let len = usize::try_from(block.len).unwrap_or(usize::MAX);
        let Some(bytes) = self.input.process.memory.bytes(block.address, len) else { return };
        let model = self.input.model;
        if let Some(ty) = self.marked.ty(number) {
            let tail = model.fit(ty, block.len) == Fit::WithTail;
            model.scan(&self.input.process.memory, ty, tail, block.address, bytes, &mut |pointer| {
                self.add(pointer, 0, blocks, rows)
            });
            return;
        }
        let part = |start: u64, end: u64| {
            let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
            bytes.get(start..end)
        };
        for (offset, island) in self.marked.islands_of(number) {
            let Some(bytes) = part(offset, offset + island.size) else { continue };
            let mut each = |pointer| self.add(pointer, offset, blocks, rows);
            model.scan(
                &self.input.process.memory,
                island.ty,
                false,
                block.address + offset,
                bytes,
                &mut each,
            );
        }
        let islands = self.marked.islands_of(number).map(|(offset, island)| (offset, island.size));
        for (start, end) in gaps(block.len, islands) {
            let Some(bytes) = part(start, end) else { continue };
            scan_conservatively(block.address + start, bytes, |pointer| {
                self.add(pointer, start, blocks, rows)
            });
        }
    }

    fn add(&self, pointer: Pointer, base: u64, blocks: u32, rows: &mut Rows) {
        let offset = base + pointer.offset;
        let mut put = |to, to_offset, kind| rows.edges.push(Edge { offset, to: Node(to), to_offset, kind });
        let hit = match pointer.sort {
            Sort::Likely => {
                if let Some((block, offset)) = self.input.blocks.at(pointer.word) {
                    put(block, offset, Kind::Likely);
                }
                return;
            }
            Sort::Function => None,
            Sort::Precise(_) | Sort::Array(..) | Sort::Opaque => self.input.blocks.at_or_past(pointer.word),
        };
        match (hit, pointer.sort) {
            (Some(Hit { block, offset, past: true }), _) => put(block, offset, Kind::PastEnd),
            (Some(Hit { block, offset, .. }), Sort::Precise(claimed) | Sort::Array(claimed, _)) => {
                put(block, offset, self.judge(block, offset, claimed));
            }
            (Some(Hit { block, offset, .. }), _) => put(block, offset, Kind::Opaque),
            (None, sort) => {
                if let Some((root, into)) = self.root_at(pointer.word) {
                    let kind = if matches!(sort, Sort::Precise(_) | Sort::Array(..)) {
                        Kind::Precise
                    } else {
                        Kind::Opaque
                    };
                    put(blocks + root, into, kind);
                } else if let Some(count) = rows.elsewhere.last_mut() {
                    *count += 1;
                }
            }
        }
    }

    /// How a pointer to a place that it claims to be of a type is to be read.
    fn judge(&self, block: u32, offset: u64, claimed: Ty) -> Kind {
        let model = self.input.model;
        if model.is_number(claimed) {
            return Kind::Precise;
        }
        let len = self.input.blocks.get(block).map_or(0, |block| block.len);
        let object = self.marked.object_at(model, len, block, offset);
        let relation = object.map(|object| model.relation(object.ty, object.within, claimed));
        if relation == Some(Relation::Within) { Kind::Precise } else { Kind::Disagreeing }
    }

    /// The variable at an address, and how far in.
    fn root_at(&self, address: u64) -> Option<(u32, u64)> {
        let before = self.places.partition_point(|(start, ..)| *start <= address);
        let (start, end, number) = *self.places.get(before.checked_sub(1)?)?;
        (address < end).then_some((number, address - start))
    }
}
