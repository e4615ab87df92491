//! Edges of consecutive nodes, packed: twelve bytes each.

use super::{Edge, Kind, Node};

/// Edges by node, then by offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Where each node's edges begin, and the end of the last one's.
    starts: Vec<u32>,
    edges: Vec<Packed>,
    /// Offsets too large to be packed, with the edge's place: there are few, in blocks of half a gigabyte and more.
    far: Vec<(u32, Far)>,
    /// For each node, how many pointers in it lead to no node.
    pub(super) elsewhere: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed {
    to: u32,
    to_offset: u32,
    /// The offset, and the kind in the highest bits.
    from: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Far {
    offset: u64,
    to_offset: u64,
}

const KIND_SHIFT: u32 = 29;
/// In both offsets: they are among the far ones.
const FAR: u32 = (1 << KIND_SHIFT) - 1;

impl Packed {
    fn kind(self) -> Kind {
        Kind::ALL[usize::try_from(self.from >> KIND_SHIFT).unwrap_or(0) % Kind::ALL.len()]
    }
}

impl Rows {
    /// Of no node yet.
    pub(super) fn new() -> Rows {
        Rows { starts: vec![0], ..Rows::default() }
    }

    /// Adds a node with its edges, by offset.
    pub(super) fn push(&mut self, edges: &[Edge], elsewhere: u32) {
        for edge in edges {
            let small = |offset: u64| u32::try_from(offset).ok().filter(|offset| *offset < FAR);
            let (offset, to_offset) = match (small(edge.offset), small(edge.to_offset)) {
                (Some(offset), Some(to_offset)) => (offset, to_offset),
                _ => {
                    let place = u32::try_from(self.edges.len()).unwrap_or(u32::MAX);
                    self.far.push((place, Far { offset: edge.offset, to_offset: edge.to_offset }));
                    (FAR, FAR)
                }
            };
            let from = offset | edge.kind.number() << KIND_SHIFT;
            self.edges.push(Packed { to: edge.to.0, to_offset, from });
        }
        self.starts.push(u32::try_from(self.edges.len()).unwrap_or(u32::MAX));
        self.elsewhere.push(elsewhere);
    }

    /// No node will be added.
    pub(super) fn finish(mut self) -> Rows {
        self.starts.shrink_to_fit();
        self.edges.shrink_to_fit();
        // Mostly zeros.
        if self.elsewhere.iter().all(|count| *count == 0) {
            self.elsewhere = Vec::new();
        }
        self.elsewhere.shrink_to_fit();
        self
    }

    /// The edges of a node, by its place among these.
    #[inline]
    pub(super) fn edges(&self, node: usize) -> impl ExactSizeIterator<Item = Edge> {
        let range = self.starts.get(node).zip(self.starts.get(node + 1)).map(|(start, end)| *start..*end);
        range.unwrap_or_default().map(|place| self.edge(place))
    }

    /// Where the edges of a node lead, and which of those pointers pin.
    #[inline]
    pub(super) fn targets(&self, node: usize) -> impl Iterator<Item = (Node, Kind)> {
        let range = self.starts.get(node).zip(self.starts.get(node + 1));
        let range = range.map_or(0..0, |(start, end)| at(*start)..at(*end));
        self.edges.get(range).unwrap_or(&[]).iter().map(|edge| (Node(edge.to), edge.kind()))
    }

    #[inline]
    fn edge(&self, place: u32) -> Edge {
        let none = Packed { to: u32::MAX, to_offset: 0, from: 0 };
        let packed = self.edges.get(at(place)).copied().unwrap_or(none);
        let offset = packed.from & FAR;
        let near = Far { offset: offset.into(), to_offset: packed.to_offset.into() };
        let far = if offset == FAR && packed.to_offset == FAR { self.far_at(place) } else { None };
        let Far { offset, to_offset } = far.unwrap_or(near);
        Edge { offset, to: Node(packed.to), to_offset, kind: packed.kind() }
    }

    #[cold]
    fn far_at(&self, place: u32) -> Option<Far> {
        let found = self.far.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.far.get(found).map(|(_, far)| *far)
    }
}

fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_come_out_as_they_went_in_however_far_they_reach() {
        let offsets = [0, 1, u64::from(FAR) - 1, u64::from(FAR), u64::from(u32::MAX), 1 << 40];
        let mut rows = Rows::new();
        let mut all = Vec::new();
        for (kind, offset) in Kind::ALL.into_iter().cycle().zip(offsets) {
            let edges: Vec<Edge> =
                offsets.map(|to_offset| Edge { offset, to: Node(7), to_offset, kind }).into_iter().collect();
            rows.push(&edges, 0);
            rows.push(&[], 3);
            all.push(edges);
        }
        let rows = rows.finish();
        for (number, edges) in all.iter().enumerate() {
            assert_eq!(rows.edges(2 * number).collect::<Vec<_>>(), *edges);
            assert_eq!(rows.edges(2 * number + 1).len(), 0);
            assert_eq!(rows.elsewhere[2 * number + 1], 3);
        }
        assert_eq!(rows.edges(2 * all.len()).len(), 0);
    }
}
