//! From objects and their types to edges.

use super::rows::Rows;
use super::{Edge, Kind, Node};
use crate::blocks::{Block, Hit};
use crate::mark::{Input, Marked, read};
use crate::model::{Pointer, Sort, Ty, Within};
use crate::prefetch::Queue;
use crate::roots::RootKind;
use std::ops::Range;

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

    /// The edges of some nodes.
    pub(super) fn rows(&self, nodes: Range<u32>) -> Rows {
        let mut reader = Reader::new(self);
        let first_root = self.input.blocks.numbers();
        let mut at = nodes.start;
        let blocks = self.input.blocks.range(nodes.start..nodes.end);
        let areas = self.input.blocks.areas().map(|(number, area)| (number, Block::from(area)));
        let in_range = |number: u32| nodes.contains(&number);
        for (number, block) in blocks.chain(areas.filter(|(number, _)| in_range(*number))) {
            // Free slots in between.
            (at..number).for_each(|_| reader.end());
            self.read_block(number, &block, &mut reader);
            reader.end();
            at = number + 1;
        }
        for node in at..nodes.end {
            let root = node.checked_sub(first_root).and_then(|root| usize::try_from(root).ok());
            if let Some(root) = root.and_then(|root| self.input.roots.get(root)) {
                read::root(self.input, root, &mut |pointer| reader.foresee(pointer));
            }
            reader.end();
        }
        reader.finish()
    }

    fn read_block(&self, number: u32, block: &Block, reader: &mut Reader<'_, 'a>) {
        let mut each = |pointer| reader.foresee(pointer);
        if let Some(ty) = self.marked.ty(number) {
            let bytes = read::bytes(self.input, block, 0..block.len).unwrap_or(&[]);
            return read::whole(self.input, block.address, bytes, ty, &mut each);
        }
        for (offset, island) in self.marked.islands_of(number) {
            read::island(self.input, block, offset, island, &mut each);
        }
        read::rest(self.input, block, self.marked.islands_of(number), &mut each);
    }

    /// The variable at an address, and how far in.
    fn root_at(&self, address: u64) -> Option<(u32, u64)> {
        let before = self.places.partition_point(|(start, ..)| *start <= address);
        let (start, end, number) = *self.places.get(before.checked_sub(1)?)?;
        (address < end).then_some((number, address - start))
    }
}

/// Reads the pointers of one node after another.
struct Reader<'b, 'a> {
    builder: &'b Builder<'a>,
    rows: Rows,
    /// Of the node that is being read.
    edges: Vec<Edge>,
    elsewhere: u32,
    /// Pointers whose targets have been asked for; in between, the ends of nodes.
    ahead: Queue<Option<Pointer>>,
    within: Within<'b, 'a>,
}

impl<'b, 'a> Reader<'b, 'a> {
    fn new(builder: &'b Builder<'a>) -> Reader<'b, 'a> {
        Reader {
            builder,
            rows: Rows::new(),
            edges: Vec::new(),
            elsewhere: 0,
            ahead: Queue::new(),
            within: Within::new(builder.input.model),
        }
    }

    #[inline]
    fn foresee(&mut self, pointer: Pointer) {
        if let Some(number) = self.builder.input.blocks.foresee(pointer.word) {
            self.builder.marked.types.foresee(number);
        }
        self.queue(Some(pointer));
    }

    /// The node has no more pointers.
    #[inline]
    fn end(&mut self) {
        self.queue(None);
    }

    #[inline]
    fn queue(&mut self, item: Option<Pointer>) {
        if let Some(first) = self.ahead.push(item) {
            self.take(first);
        }
    }

    fn take(&mut self, item: Option<Pointer>) {
        if let Some(pointer) = item {
            return self.add(pointer);
        }
        self.edges.sort_unstable();
        self.rows.push(&self.edges, self.elsewhere);
        self.edges.clear();
        self.elsewhere = 0;
    }

    fn finish(mut self) -> Rows {
        while let Some(item) = self.ahead.pop() {
            self.take(item);
        }
        self.rows.finish()
    }

    #[inline]
    fn add(&mut self, pointer: Pointer) {
        let blocks = self.builder.input.blocks;
        let Pointer { offset, word, sort } = pointer;
        let edge = |to, to_offset, kind| Edge { offset, to: Node(to), to_offset, kind };
        let hit = match sort {
            Sort::Likely => {
                let found = blocks.at(word).map(|(number, into)| edge(number, into, Kind::Likely));
                return self.edges.extend(found);
            }
            Sort::Function => None,
            Sort::Precise(_) | Sort::Array(..) | Sort::Opaque | Sort::Retained => blocks.at_or_past(word),
        };
        let found = match (hit, sort) {
            (Some(hit), _) if hit.past => Some(edge(hit.number, hit.offset, Kind::PastEnd)),
            (Some(hit), Sort::Precise(claimed) | Sort::Array(claimed, _)) => {
                Some(edge(hit.number, hit.offset, self.judge(&hit, claimed)))
            }
            (Some(hit), _) => Some(edge(hit.number, hit.offset, Kind::Opaque)),
            (None, _) => {
                let is_open = matches!(sort, Sort::Opaque | Sort::Retained);
                let kind = if is_open { Kind::Opaque } else { Kind::Precise };
                let root = self.builder.root_at(word);
                root.map(|(root, into)| edge(blocks.numbers().saturating_add(root), into, kind))
            }
        };
        match found {
            Some(edge) => self.edges.push(edge),
            None => self.elsewhere += 1,
        }
    }

    /// How a pointer to a place that it claims to be of a type is to be read.
    #[inline]
    fn judge(&mut self, hit: &Hit, claimed: Ty) -> Kind {
        let Builder { input, marked, .. } = self.builder;
        if hit.offset == 0 && marked.ty(hit.number) == Some(claimed) {
            return Kind::Precise;
        }
        let object = marked.object_at(input.model, hit.block.len, hit.number, hit.offset);
        let is_there = object.is_some_and(|object| self.within.is(object.ty, object.within, claimed));
        if is_there || input.model.is_number(claimed) { Kind::Precise } else { Kind::Disagreeing }
    }
}
