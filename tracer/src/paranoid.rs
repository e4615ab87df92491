//! A second, slow tracer that checks the first: a sanity trace.
//!
//! It begins with what the first one begins with (blocks, roots, what sites and facts say before any pointer is followed) and finds out
//! everything else once more: what the type of each block is, by the rules that [`crate::mark`] gives; every pointer, and how it is to
//! be read; what is reached, and what is pinned. Then it holds both results against each other.
//!
//! It shares neither pointer maps nor worklists with the first one, nor compiled facts, nor the allocator's index: types are walked
//! member by member, for every object anew; the values that facts speak of are looked up by their names; blocks are found in a map by
//! address. One thread, and everything in maps and sets. What it has in common with the first are the numbers of types
//! ([`Ty`]), which are names and nothing more.
//!
//! What it does not do: check what both begin with. Roots are checked against gdb's view of a process, blocks against the allocator's own
//! count.

mod agree;
mod blocks;
mod infer;
mod values;
mod words;

use crate::blocks::Block;
use crate::facts::TypeName;
use crate::graph::{Graph, Kind};
use crate::mark::{Input, Marked};
use crate::model::{Relation, Ty};
use crate::roots::RootKind;
use blocks::{Lookup, Target};
use infer::{Beliefs, Filled};
use mcrx_debuginfo::table::Type;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use values::Ground;
use words::{Item, Word};

/// A pointer: where in its node, to which node, where in that, and how it is read.
type Edge = (u64, u32, u64, Kind);

/// A name, and the type of what is compared with it.
type Meant = (String, Option<Ty>);

struct Twin<'a> {
    input: &'a Input<'a>,
    blocks: Lookup<'a>,
    /// Roots that pointers may lead to: first byte, with node and end.
    variables: BTreeMap<u64, (u32, u64)>,
    /// The names by which facts speak of types.
    names: HashMap<Ty, BTreeSet<String>>,
    /// The words of types of which all objects read alike.
    fixed: RefCell<HashMap<Ty, Rc<Vec<Item>>>>,
    /// What names were found to mean: they are looked for among all types and functions.
    types: RefCell<HashMap<String, Option<Ty>>>,
    values: RefCell<HashMap<Meant, Rc<Vec<u64>>>>,
}

/// What the two tracers do not agree on, one line each, at most `most` of them. Empty: they agree.
pub fn check(input: &Input<'_>, marked: &Marked, graph: &Graph, most: usize) -> Vec<String> {
    let twin = Twin::new(input);
    let beliefs = twin.infer();
    let mut differences = Vec::new();
    twin.compare_types(&beliefs, marked, &mut differences);
    let edges = twin.edges(&beliefs);
    twin.compare_graph(&edges, graph, &mut differences);
    differences.truncate(most);
    differences
}

impl<'a> Twin<'a> {
    fn new(input: &'a Input<'a>) -> Twin<'a> {
        let (blocks, fixed) = (Lookup::of(input.blocks), RefCell::default());
        let (types, values) = (RefCell::default(), RefCell::default());
        let mut variables = BTreeMap::new();
        for (node, root) in (input.blocks.numbers()..).zip(input.roots) {
            let is_object = matches!(root.kind, RootKind::Variable | RootKind::ThreadLocal | RootKind::Local);
            if is_object && root.address != 0 {
                variables.insert(root.address, (node, root.address + root.len));
            }
        }
        let facts = input.model.facts();
        let owners = facts.fields.iter().map(|fact| &fact.owner);
        let owners = owners.chain(facts.scratch.iter().map(|fact| &fact.owner));
        let mut spoken_of: HashMap<&str, Vec<&str>> = HashMap::new();
        for name in owners.chain(facts.pointers.iter().map(|fact| &fact.to)) {
            spoken_of.entry(TypeName::of(name).bare).or_default().push(name);
        }
        let mut names: HashMap<Ty, BTreeSet<String>> = HashMap::new();
        for ty in input.model.tables().flat_map(|(table, _)| table.types()) {
            let spoken = ty.name().and_then(|name| spoken_of.get(name)).into_iter().flatten();
            for name in spoken.filter(|name| TypeName::of(name).is_of_file(ty)) {
                if let Some(number) = input.model.number_in(ty.table(), ty) {
                    names.entry(number).or_default().insert((*name).to_owned());
                }
            }
        }
        Twin { input, blocks, variables, names, fixed, types, values }
    }

    fn size(&self, ty: Ty) -> u64 {
        self.input.model.ty(ty).and_then(Type::size).unwrap_or(0)
    }

    fn variant_of(&self, ty: Ty) -> Option<usize> {
        let variant = self.input.model.variant(ty)?;
        self.input.model.facts().variants.iter().position(|known| known == variant)
    }

    /// A type's number; in a variant, that of what leads to objects of it.
    fn number_of(&self, ty: Type<'a>, variant: Option<usize>) -> Option<Ty> {
        let number = self.input.model.number_in(ty.table(), ty)?;
        Some(self.input.model.in_variant(number, variant).unwrap_or(number))
    }

    /// What a fact calls by a name: a type of the program, or a variant of one.
    fn named(&self, name: &str) -> Option<Ty> {
        if let Some(known) = self.types.borrow().get(name) {
            return *known;
        }
        let found = self.find_named(name);
        self.types.borrow_mut().insert(name.to_owned(), found);
        found
    }

    fn find_named(&self, name: &str) -> Option<Ty> {
        let find = |name: &str| {
            let name = TypeName::of(name);
            self.input.model.tables().find_map(|(table, _)| {
                let all = table.types().filter(|ty| ty.name() == Some(name.bare) && name.is_of_file(*ty));
                let mut complete = all.filter_map(Type::resolved).filter(|ty| ty.size().is_some());
                if name.pointers == 0 {
                    return self.number_of(complete.next()?, None);
                }
                let below: Vec<Type<'_>> = complete.collect();
                let mut pointers =
                    table.types().filter(|ty| name.pointee(*ty).is_some_and(|ty| below.contains(&ty)));
                self.number_of(pointers.next()?, None)
            })
        };
        find(name).or_else(|| {
            let variants = &self.input.model.facts().variants;
            let place = variants.iter().position(|variant| variant.name == name)?;
            self.input.model.in_variant(find(&variants.get(place)?.of)?, Some(place))
        })
    }

    /// The words of a root, with their values.
    fn read_root(&self, number: usize) -> Vec<(Item, u64)> {
        let root = self.input.roots.get(number);
        let Some((root, bytes)) = root.and_then(|root| Some((root, root.bytes(self.input.process)?))) else {
            return Vec::new();
        };
        match root.ty {
            Some(ty) => self.read_objects(ty, root.address, bytes, 0),
            None => read_bytes(root.address, bytes, 0),
        }
    }

    fn bytes(&self, block: &Block, range: Range<u64>) -> Option<&'a [u8]> {
        let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        self.input.process.memory.bytes(block.address.checked_add(range.start)?, len)
    }

    /// The words of a block that is believed to be of one type.
    fn read_whole(&self, number: u32, beliefs: &Beliefs) -> Vec<(Item, u64)> {
        let (Some(block), Some(ty)) = (self.blocks.get(number), beliefs.whole.get(&number)) else {
            return Vec::new();
        };
        let Some(bytes) = self.bytes(&block, 0..block.len) else { return Vec::new() };
        if self.filled(*ty, block.len) != Filled::WithTail {
            return self.read_objects(*ty, block.address, bytes, 0);
        }
        let ground = Ground { address: block.address, bytes };
        let mut items = self.items(*ty, 0, ground);
        items.extend(self.tail_items(*ty, ground));
        with_values(items, ground, 0)
    }

    /// The words of a typed part of a block.
    fn read_part(&self, number: u32, offset: u64, beliefs: &Beliefs) -> Vec<(Item, u64)> {
        let part = beliefs.parts.get(&number).and_then(|parts| parts.get(&offset));
        let (Some(block), Some(part)) = (self.blocks.get(number), part) else { return Vec::new() };
        let size = self.size(part.ty).max(1);
        let starts = (0..).map(|index| index * part.stride).take_while(|at| at + size <= part.size);
        let read = |at: u64| {
            let start = offset + at;
            let bytes = self.bytes(&block, start..start + size)?;
            Some(self.read_objects(part.ty, block.address + start, bytes, start))
        };
        starts.filter_map(read).flatten().collect()
    }

    /// What may be pointers in what no part of a block covers.
    fn read_rest(&self, number: u32, beliefs: &Beliefs) -> Vec<(Item, u64)> {
        let Some(block) = self.blocks.get(number) else { return Vec::new() };
        let parts = beliefs.parts.get(&number).into_iter().flatten();
        let mut words = Vec::new();
        let mut dead = Vec::new();
        let mut at = 0;
        let mut gap = |range: Range<u64>| {
            if let Some(bytes) = self.bytes(&block, range.clone()) {
                words.extend(read_bytes(block.address + range.start, bytes, range.start));
            }
        };
        for (start, part) in parts {
            gap(at..(*start).max(at));
            at = at.max(start + part.size);
            dead.extend(self.scratch_of(&block, *start, part.ty));
        }
        gap(at..block.len.max(at));
        words.retain(|(item, _)| {
            !dead.iter().any(|dead: &Range<u64>| dead.contains(&(block.address + item.at)))
        });
        words
    }

    /// Where nothing is live, as an object in a block says.
    fn scratch_of(&self, block: &Block, start: u64, ty: Ty) -> Vec<Range<u64>> {
        let facts = self.input.model.facts();
        let Some(bytes) =
            self.bytes(block, start..start + self.size(ty)).filter(|_| !facts.scratch.is_empty())
        else {
            return Vec::new();
        };
        self.dead_in(ty, Ground { address: block.address + start, bytes })
    }

    /// The words of objects side by side. `base`: from the start of the node to the first byte.
    fn read_objects(&self, ty: Ty, address: u64, bytes: &[u8], base: u64) -> Vec<(Item, u64)> {
        let ground = Ground { address, bytes };
        let Ok(size @ 1..) = usize::try_from(self.size(ty)) else { return Vec::new() };
        let starts = (0..bytes.len()).step_by(size).filter_map(|at| u64::try_from(at).ok());
        starts.flat_map(|at| with_values(self.items(ty, at, ground), ground, base)).collect()
    }

    fn edges(&self, beliefs: &Beliefs) -> BTreeMap<u32, BTreeSet<Edge>> {
        let mut edges = BTreeMap::new();
        for (number, _) in self.blocks.all() {
            let read = match beliefs.whole.contains_key(&number) {
                true => self.read_whole(number, beliefs),
                false => {
                    let parts = beliefs.parts.get(&number).into_iter().flatten();
                    let parts = parts.flat_map(|(at, _)| self.read_part(number, *at, beliefs));
                    parts.chain(self.read_rest(number, beliefs)).collect()
                }
            };
            edges.insert(number, self.pointers(read, beliefs));
        }
        for (node, root) in (self.input.blocks.numbers()..).zip(0..self.input.roots.len()) {
            edges.insert(node, self.pointers(self.read_root(root), beliefs));
        }
        edges
    }

    fn pointers(&self, read: Vec<(Item, u64)>, beliefs: &Beliefs) -> BTreeSet<Edge> {
        read.into_iter().filter_map(|(item, value)| self.pointer(item, value, beliefs)).collect()
    }

    fn pointer(&self, Item { at, word, .. }: Item, value: u64, beliefs: &Beliefs) -> Option<Edge> {
        let claimed = match word {
            Word::Code => return None,
            Word::Maybe | Word::Bytes(_) => {
                return self.blocks.at(value).map(|target| (at, target.number, target.into, Kind::Likely));
            }
            Word::To(claimed, _) => Some(claimed),
            Word::Open | Word::Keeps => None,
        };
        if let Some(target) = self.blocks.at_or_past(value) {
            let kind = match claimed {
                _ if target.is_past => Kind::PastEnd,
                Some(claimed) => self.judge(target, claimed, beliefs),
                None => Kind::Opaque,
            };
            return Some((at, target.number, target.into, kind));
        }
        let (start, (node, end)) = self.variables.range(..=value).next_back()?;
        let kind = if claimed.is_some() { Kind::Precise } else { Kind::Opaque };
        (value < *end).then_some((at, *node, value - start, kind))
    }

    fn judge(&self, target: Target, claimed: Ty, beliefs: &Beliefs) -> Kind {
        let Target { number, into, .. } = target;
        let len = self.blocks.get(number).map_or(0, |block| block.len);
        let known = match beliefs.whole.get(&number) {
            Some(ty) => Some((*ty, self.within_object(*ty, len, into))),
            None => {
                let part = beliefs.part_over(number, into);
                part.map(|(at, part)| (part.ty, (into - at) % part.stride.max(1)))
            }
        };
        let is_there = known.is_some_and(|(ty, into)| self.relation(ty, into, claimed) == Relation::Within);
        if is_there || self.is_number(claimed) { Kind::Precise } else { Kind::Disagreeing }
    }

    fn compare_types(&self, beliefs: &Beliefs, marked: &Marked, differences: &mut Vec<String>) {
        let name = |ty: Ty| self.input.model.name(ty);
        let spell = |ty: Option<Ty>| ty.map_or("of no type".to_owned(), name);
        for (number, ty) in (0u32..).zip(marked.types.iter()) {
            let second = beliefs.whole.get(&number).copied();
            if ty != second {
                differences.push(format!("block {number} is {} or {}", spell(ty), spell(second)));
            }
        }
        type Island = (u32, u64, Ty, u64, u64);
        let first: BTreeSet<Island> = marked
            .islands
            .iter()
            .map(|((number, at), island)| (*number, *at, island.ty, island.size, island.stride))
            .collect();
        let second = beliefs.parts.iter().flat_map(|(number, parts)| {
            parts.iter().map(|(at, part)| (*number, *at, part.ty, part.size, part.stride))
        });
        let second: BTreeSet<Island> = second.collect();
        for island in first.symmetric_difference(&second) {
            let (number, at, ty, size, stride) = island;
            let ty = name(*ty);
            differences.push(format!(
                "only the {} tracer has {size} bytes of {ty}, one every {stride}, at {at} of block {number}",
                who(first.contains(island))
            ));
        }
        let first: BTreeSet<infer::Dispute> =
            marked.disagreements.iter().map(|one| (one.block, one.offset, one.claimed, one.known)).collect();
        for dispute in first.symmetric_difference(&beliefs.disputes) {
            let (number, at, claimed, known) = dispute;
            differences.push(format!(
                "only the {} tracer disputes that there is a {} at {at} of block {number}, which is {}",
                who(first.contains(dispute)),
                name(*claimed),
                spell(*known)
            ));
        }
    }

    fn compare_graph(
        &self,
        edges: &BTreeMap<u32, BTreeSet<Edge>>,
        graph: &Graph,
        differences: &mut Vec<String>,
    ) {
        let none = BTreeSet::new();
        for node in graph.nodes() {
            let first: BTreeSet<Edge> =
                graph.edges(node).map(|edge| (edge.offset, edge.to.0, edge.to_offset, edge.kind)).collect();
            let second = edges.get(&node.0).unwrap_or(&none);
            for edge in first.symmetric_difference(second) {
                let who = who(first.contains(edge));
                let (at, to, into, kind) = edge;
                differences.push(format!(
                    "only the {who} tracer has a pointer at {at} of node {} to {into} of node {to}: {kind:?}",
                    node.0
                ));
            }
        }
        let mut reached: BTreeSet<u32> =
            edges.keys().copied().filter(|node| *node >= self.blocks.first_area).collect();
        let mut pinned = BTreeSet::new();
        let mut stack: Vec<u32> = reached.iter().copied().collect();
        while let Some(node) = stack.pop() {
            for (_, to, _, kind) in edges.get(&node).into_iter().flatten() {
                if kind.pins() {
                    pinned.insert(*to);
                }
                if reached.insert(*to) {
                    stack.push(*to);
                }
            }
        }
        for node in graph.nodes() {
            if reached.contains(&node.0) != graph.is_reached(node) {
                let who = who(graph.is_reached(node));
                differences.push(format!("only the {who} tracer reaches node {}", node.0));
            }
            let is_block = node.0 < self.blocks.first_area;
            if is_block && graph.is_pinned(node.0) != pinned.contains(&node.0) {
                let who = who(graph.is_pinned(node.0));
                differences.push(format!("only the {who} tracer has block {} pinned", node.0));
            }
        }
    }
}

fn who(is_first: bool) -> &'static str {
    if is_first { "first" } else { "second" }
}

/// What may be an address of a process: not the first page, nor the kernel's.
fn is_address(word: u64) -> bool {
    (4096..1 << 47).contains(&word)
}

/// Aligned words that may be pointers. `base`: from the start of the node to the first byte.
fn read_bytes(address: u64, bytes: &[u8], base: u64) -> Vec<(Item, u64)> {
    let all = Item { at: 0, mask: u64::MAX, word: Word::Bytes(u64::try_from(bytes.len()).unwrap_or(0)) };
    with_values(vec![all], Ground { address, bytes }, base)
}

/// Those of some words that may be addresses, with their values, bytes cut up into words.
fn with_values(items: Vec<Item>, ground: Ground<'_>, base: u64) -> Vec<(Item, u64)> {
    let value = |at: u64| {
        let rest = ground.bytes.get(usize::try_from(at).ok()?..)?;
        rest.first_chunk().map(|word| u64::from_le_bytes(*word))
    };
    let mut words = Vec::new();
    for item in items {
        let mut put = |at: u64, word: Word| {
            if let Some(value) = value(at).map(|value| value & item.mask).filter(|value| is_address(*value)) {
                words.push((Item { at: base + at, mask: item.mask, word }, value));
            }
        };
        match item.word {
            Word::Bytes(len) => (item.at..item.at.saturating_add(len).saturating_sub(7))
                .take_while(|at| value(*at).is_some())
                .filter(|at| ground.address.wrapping_add(*at).is_multiple_of(8))
                .for_each(|at| put(at, Word::Maybe)),
            word => put(item.at, word),
        }
    }
    words
}
