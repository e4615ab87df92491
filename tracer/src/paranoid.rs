//! A second, slow tracer that checks the first: a sanity trace.
//!
//! It shares neither pointer maps nor worklists with it, nor the allocator's index: types are walked anew, member by member, for every
//! object, blocks are found in a map by address, and everything is kept in sets. Of the first tracer's result it takes the types of
//! blocks alone, and holds against them:
//!
//! - every pointer: the same words, to the same places, read the same way, and none more;
//! - what is reached, and what is pinned;
//! - *soundness*: each type of a block or island is what its site says, or what a pointer to that very place says;
//! - *completeness*: a pointer that is not believed is in the list of disagreements.
//!
//! What it does not do: know facts. It is for traces without any.

use crate::blocks::Block;
use crate::graph::{Graph, Kind};
use crate::mark::{Input, Marked};
use crate::model::Ty;
use crate::roots::RootKind;
use mcrx_debuginfo::table::{Count, Encoding, Kind as Form, Tag, Type};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How a word is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'t> {
    /// A pointer to this type.
    To(Type<'t>),
    /// A pointer to no type that is said.
    Open,
    /// A pointer to code.
    Code,
    /// So many bytes, each aligned word of which may be a pointer.
    Bytes(u64),
}

/// Where a pointer leads: node, and bytes into it.
type Target = (u32, u64);

struct Twin<'a> {
    input: &'a Input<'a>,
    marked: &'a Marked,
    /// First byte, with the block's number.
    blocks: BTreeMap<u64, (u32, Block)>,
    /// The same of roots that pointers may lead to, with their ends.
    variables: BTreeMap<u64, (u32, u64)>,
    words: HashMap<Ty, Vec<(u64, Word<'a>)>>,
    /// All that pointers say of places of blocks.
    said: HashSet<(u32, u64, Ty)>,
    /// Blocks to which there are pointers that are not believed, in what is reached.
    disbelieved: HashSet<u32>,
}

/// What the two tracers do not agree on, one line each, at most `most` of them. Empty: they agree.
pub fn check(input: &Input<'_>, marked: &Marked, graph: &Graph, most: usize) -> Vec<String> {
    let areas = input.blocks.areas().map(|(number, area)| (number, Block::from(area)));
    let blocks: Vec<(u32, Block)> = input.blocks.iter().chain(areas).collect();
    let mut twin = Twin {
        input,
        marked,
        blocks: blocks.iter().map(|(number, block)| (block.address, (*number, *block))).collect(),
        variables: BTreeMap::new(),
        words: HashMap::new(),
        said: HashSet::new(),
        disbelieved: HashSet::new(),
    };
    let first_root = input.blocks.numbers();
    for (number, root) in (first_root..).zip(input.roots) {
        let is_object = matches!(root.kind, RootKind::Variable | RootKind::ThreadLocal | RootKind::Local);
        if is_object && root.address != 0 {
            twin.variables.insert(root.address, (number, root.address + root.len));
        }
    }
    let mut differences = Vec::new();
    let mut edges: HashMap<u32, BTreeSet<(u64, Target, Kind)>> = HashMap::new();
    for (number, block) in blocks {
        edges.insert(number, twin.of_block(number, &block));
    }
    for (number, root) in (first_root..).zip(input.roots) {
        let mut of_root = BTreeSet::new();
        if let Some(bytes) = root.bytes(input.process) {
            match root.ty {
                Some(ty) => twin.read(ty, 0, root.address, bytes, &mut of_root),
                None => twin.read_bytes(0, root.address, bytes, &mut of_root),
            }
        }
        edges.insert(number, of_root);
    }
    for node in graph.nodes() {
        let first = graph.edges(node).map(|edge| (edge.offset, (edge.to.0, edge.to_offset), edge.kind));
        let first: BTreeSet<(u64, Target, Kind)> = first.collect();
        let second = edges.get(&node.0).cloned().unwrap_or_default();
        for edge in first.symmetric_difference(&second) {
            let who = if first.contains(edge) { "only the first" } else { "only the second" };
            differences.push(format!("{who} tracer has in node {} the pointer {edge:?}", node.0));
        }
    }
    let first_area = input.blocks.areas().next().map_or(first_root, |(number, _)| number);
    let reached = reach(&edges, first_area);
    let mut pinned: HashSet<u32> = HashSet::new();
    for node in &reached {
        let pins = edges.get(node).into_iter().flatten().filter(|(.., kind)| kind.pins());
        for (_, (to, _), kind) in pins {
            if *to < first_area {
                pinned.insert(*to);
            }
            if *kind == Kind::Disagreeing {
                twin.disbelieved.insert(*to);
            }
        }
    }
    for node in graph.nodes() {
        if reached.contains(&node.0) != graph.is_reached(node) {
            differences.push(format!("node {} is reached by one tracer only", node.0));
        }
        if node.0 < first_area && graph.is_pinned(node.0) != pinned.contains(&node.0) {
            differences.push(format!("node {} is pinned by one tracer only", node.0));
        }
    }
    twin.check_types(&mut differences);
    differences.truncate(most);
    differences
}

/// By recursion, if with a stack of its own.
fn reach(edges: &HashMap<u32, BTreeSet<(u64, Target, Kind)>>, first: u32) -> HashSet<u32> {
    let mut reached: HashSet<u32> = edges.keys().copied().filter(|node| *node >= first).collect();
    let mut stack: Vec<u32> = reached.iter().copied().collect();
    while let Some(node) = stack.pop() {
        for (_, (to, _), _) in edges.get(&node).into_iter().flatten() {
            if reached.insert(*to) {
                stack.push(*to);
            }
        }
    }
    reached
}

impl<'a> Twin<'a> {
    fn of_block(&mut self, number: u32, block: &Block) -> BTreeSet<(u64, Target, Kind)> {
        let mut edges = BTreeSet::new();
        let memory = &self.input.process.memory;
        let Some(bytes) = memory.bytes(block.address, usize::try_from(block.len).unwrap_or(usize::MAX))
        else {
            return edges;
        };
        let mut typed = vec![false; bytes.len()];
        let mut objects: Vec<(u64, Ty)> =
            self.marked.islands_of(number).map(|(at, one)| (at, one.ty)).collect();
        if let Some(ty) = self.marked.ty(number) {
            typed.fill(true);
            let size = self.size(ty).max(1);
            match self.tail(ty).filter(|_| block.len != size) {
                None => objects.extend((0..block.len / size).map(|index| (index * size, ty))),
                Some((offset, element)) => {
                    objects.push((0, ty));
                    let stride = self.size(element).max(1);
                    let is_byte = stride == 1 && self.is_base(element);
                    if is_byte {
                        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or(&[]);
                        self.read_bytes(offset, block.address + offset, rest, &mut edges);
                    } else {
                        let count = block.len.saturating_sub(offset) / stride;
                        objects.extend((0..count).map(|index| (offset + index * stride, element)));
                    }
                }
            }
        }
        for (offset, ty) in objects {
            let size = self.size(ty);
            let range = usize::try_from(offset).unwrap_or(0)..usize::try_from(offset + size).unwrap_or(0);
            if let Some(typed) = typed.get_mut(range.clone()) {
                typed.fill(true);
            }
            let of_object = bytes.get(range).unwrap_or(&[]);
            self.read(ty, offset, block.address + offset, of_object, &mut edges);
        }
        // Runs of untyped bytes; a word across the seam of two is none.
        let mut start = 0;
        while start < typed.len() {
            let run = typed[start..].iter().take_while(|is| **is == typed[start]).count();
            if !typed[start] {
                let at = u64::try_from(start).unwrap_or(0);
                self.read_bytes(at, block.address + at, &bytes[start..start + run], &mut edges);
            }
            start += run;
        }
        edges
    }

    fn size(&self, ty: Ty) -> u64 {
        self.input.model.ty(ty).and_then(Type::size).unwrap_or(0)
    }

    fn is_base(&self, ty: Ty) -> bool {
        matches!(self.input.model.ty(ty).map(Type::kind), Some(Form::Base(_)))
    }

    /// The flexible array at the end of a structure: where, and of what.
    fn tail(&self, ty: Ty) -> Option<(u64, Ty)> {
        let (mut base, mut outer) = (0, self.input.model.ty(ty)?);
        loop {
            if !matches!(outer.tag(), Tag::Structure | Tag::Class) {
                return None;
            }
            let last = outer.members().filter(|member| !member.is_base()).max_by_key(|m| m.offset())?;
            base += last.offset();
            outer = last.ty()?.resolved()?;
            if let Form::Array { element: Some(element), count: Count::Open | Count::Exactly(0) } =
                outer.kind()
            {
                return Some((base, self.number(element.resolved()?)?)).filter(|(_, ty)| self.size(*ty) > 0);
            }
        }
    }

    fn number(&self, ty: Type<'_>) -> Option<Ty> {
        self.input.model.number_in(ty.table(), ty)
    }

    fn words(&mut self, ty: Ty) -> Vec<(u64, Word<'a>)> {
        if let Some(words) = self.words.get(&ty) {
            return words.clone();
        }
        let mut words = Vec::new();
        if let Some(described) = self.input.model.ty(ty) {
            list(described, 0, 64, &mut words);
        }
        self.words.insert(ty, words.clone());
        words
    }

    fn read(
        &mut self,
        ty: Ty,
        base: u64,
        address: u64,
        bytes: &[u8],
        edges: &mut BTreeSet<(u64, Target, Kind)>,
    ) {
        for (offset, word) in self.words(ty) {
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = bytes.get(at..).unwrap_or(&[]);
            if let Word::Bytes(len) = word {
                let len = usize::try_from(len).unwrap_or(0).min(rest.len());
                self.read_bytes(base + offset, address.wrapping_add(offset), &rest[..len], edges);
                continue;
            }
            let Some(value) = rest.first_chunk().map(|value| u64::from_le_bytes(*value)) else { continue };
            if !(4096..1 << 47).contains(&value) || word == Word::Code {
                continue;
            }
            let end = value.checked_sub(1).and_then(|last| self.block_at(last));
            let edge = match (self.block_at(value), word) {
                (Some((number, into)), Word::To(claimed)) => {
                    let len = self.input.blocks.get(number).map_or(0, |block| block.len);
                    if into >= len && into > 0 {
                        ((number, into), Kind::PastEnd)
                    } else {
                        ((number, into), self.judge(number, into, claimed))
                    }
                }
                (Some(target @ (number, into)), _) => {
                    let len = self.input.blocks.get(number).map_or(0, |block| block.len);
                    (target, if into >= len && into > 0 { Kind::PastEnd } else { Kind::Opaque })
                }
                (None, _) if end.is_some() => {
                    let (number, into) = end.unwrap_or_default();
                    ((number, into + 1), Kind::PastEnd)
                }
                (None, _) => {
                    let Some((start, (number, end))) = self.variables.range(..=value).next_back() else {
                        continue;
                    };
                    if value >= *end {
                        continue;
                    }
                    let kind = if matches!(word, Word::To(_)) { Kind::Precise } else { Kind::Opaque };
                    ((*number, value - start), kind)
                }
            };
            edges.insert((base + offset, edge.0, edge.1));
        }
    }

    fn read_bytes(&self, base: u64, address: u64, bytes: &[u8], edges: &mut BTreeSet<(u64, Target, Kind)>) {
        for (index, window) in (0u64..).zip(bytes.windows(8)) {
            let value = window.first_chunk().map_or(0, |value| u64::from_le_bytes(*value));
            if address.wrapping_add(index).is_multiple_of(8)
                && (4096..1 << 47).contains(&value)
                && let Some(target) = self.block_at(value)
            {
                edges.insert((base + index, target, Kind::Likely));
            }
        }
    }

    /// The allocator knows blocks up to their usable size.
    fn block_at(&self, address: u64) -> Option<Target> {
        let (start, (number, _)) = self.blocks.range(..=address).next_back()?;
        let (found, _) = self.input.blocks.at(*start)?;
        // Usable bytes are the allocator's to say: asked at the address, it must name the block that is nearest below.
        let (named, into) = self.input.blocks.at(address)?;
        (found == *number && named == *number && into == address - start).then_some((*number, into))
    }

    fn judge(&mut self, number: u32, into: u64, claimed: Type<'a>) -> Kind {
        if let Some(ty) = self.number(claimed) {
            self.said.insert((number, into, ty));
        }
        if matches!(claimed.kind(), Form::Base(_) | Form::Enumeration(_)) {
            return Kind::Precise;
        }
        let (start, ty) = match self.marked.ty(number) {
            Some(ty) => (0, Some(ty)),
            None => {
                let island = self.marked.islands_of(number).filter(|(at, _)| *at <= into).last();
                let island = island.filter(|(at, island)| into < at + island.size);
                (island.map_or(0, |(at, _)| at), island.map(|(_, island)| island.ty))
            }
        };
        let Some(outer) = ty.and_then(|ty| self.input.model.ty(ty)) else { return Kind::Disagreeing };
        let size = outer.size().unwrap_or(0).max(1);
        let len = self.input.blocks.get(number).map_or(0, |block| block.len);
        let has_tail = ty.and_then(|ty| self.tail(ty)).is_some() && len != size;
        let within = if self.marked.ty(number).is_some() && !has_tail { into % size } else { into - start };
        if holds(outer, within, claimed, 32) { Kind::Precise } else { Kind::Disagreeing }
    }

    fn check_types(&self, differences: &mut Vec<String>) {
        let given = |block: u32| self.input.given(block).map(|given| given.ty);
        let is_said =
            |block, at, ty| self.said.contains(&(block, at, ty)) || (at == 0 && given(block) == Some(ty));
        for (number, ty) in (0u32..).zip(self.marked.types.iter()) {
            if let Some(ty) = ty.filter(|ty| !is_said(number, 0, *ty)) {
                let name = self.input.model.name(ty);
                differences.push(format!("nobody says that block {number} is of type {name}"));
            }
        }
        let blocks: HashSet<u32> = self.marked.disagreements.iter().map(|found| found.block).collect();
        for block in self.disbelieved.difference(&blocks) {
            differences.push(format!("a pointer to block {block} is not believed, and nothing says so"));
        }
        for ((number, at), island) in &self.marked.islands {
            if !is_said(*number, *at, island.ty) {
                let name = self.input.model.name(island.ty);
                differences.push(format!("nobody says that there is a {name} at {at} of block {number}"));
            }
        }
    }
}

/// All words of a type that are or may be pointers, by walking its members.
fn list<'t>(ty: Type<'t>, base: u64, deeper: u32, words: &mut Vec<(u64, Word<'t>)>) {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
    let size = ty.size().unwrap_or(0);
    match ty.kind() {
        Form::Pointer(target) => {
            let target = target.and_then(Type::resolved);
            words.push((
                base,
                match target {
                    Some(target) if matches!(target.kind(), Form::Function(_)) => Word::Code,
                    Some(target) if matches!(target.kind(), Form::Unknown) => Word::Open,
                    Some(target) if target.tag() == Tag::Union => Word::Open,
                    Some(target) if matches!(target.kind(), Form::Base(_)) && target.size() == Some(1) => {
                        Word::Open
                    }
                    Some(target) if target.size().unwrap_or(0) > 0 => Word::To(target),
                    _ => Word::Open,
                },
            ));
        }
        Form::Base(Encoding::Signed | Encoding::Unsigned | Encoding::Other) if size == 8 || size == 16 => {
            words.push((base, Word::Bytes(size)));
        }
        Form::Unknown if size >= 8 => words.push((base, Word::Bytes(size))),
        Form::Aggregate => {
            let is_union = ty.tag() == Tag::Union || ty.members().any(|member| member.variant().is_some());
            let members = ty.members().filter(|member| member.bit_size().is_none());
            let mut each: Vec<Vec<(u64, Word<'t>)>> = Vec::new();
            for member in members {
                let Some(inner) = member.ty() else { continue };
                let mut found = Vec::new();
                list(inner, base + member.offset(), deeper, &mut found);
                if member.offset() + inner.size().unwrap_or(0) > 0 {
                    each.push(found);
                }
            }
            if !is_union {
                words.extend(each.into_iter().flatten());
            } else if each.windows(2).all(|pair| pair[0] == pair[1]) {
                words.extend(each.into_iter().next().unwrap_or_default());
            } else if size >= 8 {
                words.push((base, Word::Bytes(size)));
            }
        }
        Form::Array { element: Some(element), count: Count::Exactly(count) } => {
            let stride = element.size().unwrap_or(0);
            let is_byte =
                element.resolved().is_some_and(|e| matches!(e.kind(), Form::Base(_))) && stride == 1;
            match (is_byte, stride) {
                (true, _) if count >= 8 => words.push((base, Word::Bytes(count))),
                (true, _) | (_, 0) => {}
                _ => (0..count).for_each(|index| list(element, base + index * stride, deeper, words)),
            }
        }
        _ => {}
    }
}

/// Whether there is an `inner` at an offset of `outer`.
fn holds<'t>(outer: Type<'t>, offset: u64, inner: Type<'t>, deeper: u32) -> bool {
    let (Some(outer), Some(deeper)) = (outer.resolved(), deeper.checked_sub(1)) else { return false };
    let mut inner = inner;
    loop {
        if offset == 0 && alike(outer, inner) {
            return true;
        }
        match inner.kind() {
            Form::Array { element: Some(element), .. } => match element.resolved() {
                Some(element) => inner = element,
                None => break,
            },
            _ => break,
        }
    }
    match outer.kind() {
        Form::Aggregate => outer.members().filter(|member| member.bit_size().is_none()).any(|member| {
            let Some(ty) = member.ty().and_then(Type::resolved) else { return false };
            let is_open = matches!(ty.kind(), Form::Array { count: Count::Open | Count::Exactly(0), .. });
            let end = ty.size().and_then(|size| size.checked_add(member.offset()));
            offset >= member.offset()
                && (is_open || end.is_some_and(|end| offset < end))
                && holds(ty, offset - member.offset(), inner, deeper)
        }),
        Form::Array { element: Some(element), .. } => {
            let size = element.size().unwrap_or(0);
            size > 0 && holds(element, offset % size, inner, deeper)
        }
        _ => false,
    }
}

/// Whether two types can stand for one another.
fn alike(one: Type<'_>, other: Type<'_>) -> bool {
    let target = |ty: Type<'_>| {
        ty.target().and_then(Type::resolved).map(|t| (t.tag(), t.size(), t.name().map(str::to_owned), t.id()))
    };
    match (one.kind(), other.kind()) {
        _ if one == other => true,
        (Form::Pointer(_), Form::Pointer(_)) => match (target(one), target(other)) {
            (Some((tag, size, name, id)), Some((tag_other, size_other, name_other, id_other))) => {
                size.is_none_or(|size| size <= 1)
                    || size_other.is_none_or(|size| size <= 1)
                    || (tag == tag_other && name == name_other)
                    || (id == id_other && std::ptr::eq(one.table(), other.table()))
            }
            _ => true,
        },
        (Form::Base(_) | Form::Enumeration(_), Form::Base(_) | Form::Enumeration(_)) => {
            one.size() == other.size()
        }
        (Form::Aggregate, Form::Aggregate) => {
            let shape = |ty: Type<'_>| {
                let member = |m: mcrx_debuginfo::table::Member<'_>| {
                    (m.name().map(str::to_owned), m.bit_offset(), m.bit_size(), m.ty().map(Type::size))
                };
                (
                    ty.tag(),
                    ty.name().map(str::to_owned),
                    ty.size(),
                    ty.members().map(member).collect::<Vec<_>>(),
                )
            };
            one.name().is_some()
                && !one.is_declaration()
                && !other.is_declaration()
                && shape(one) == shape(other)
        }
        _ => false,
    }
}
