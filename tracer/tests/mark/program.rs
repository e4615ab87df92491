//! A made-up program: some types, and processes with blocks of them.

use mcrx_allocator::abi::SiteId;
use mcrx_allocator::reader::{Address, SiteKey};
use mcrx_debuginfo::table::{
    Builder, Encoding, MemberEntry, Placement, StringId, Table, Tag, TypeEntry, TypeFlags, TypeId, UnitEntry,
    UnitId,
};
use mcrx_tracer::blocks::{Area, Block, Blocks};
use mcrx_tracer::facts::Facts;
use mcrx_tracer::given::{BySite, Given, Placed};
use mcrx_tracer::graph::{Edge, Graph, Kind, Node};
use mcrx_tracer::image::{Fake, Process};
use mcrx_tracer::mark::{Input, Marked, mark};
use mcrx_tracer::model::{Model, Ty};
use mcrx_tracer::paranoid;
use mcrx_tracer::roots::{Root, RootKind};

/// Where blocks are: each has a page, so that none touch.
pub(crate) const HEAP: u64 = 0x10_0000;
/// Bytes from one block to the next.
pub(crate) const PAGE: u64 = 0x1000;
/// Where areas are.
pub(crate) const AREAS: u64 = 0x20_0000;
/// Where the root variables are.
const ROOTS: u64 = 0x8000;

struct Maker(Builder);

impl Maker {
    fn entry(&mut self, tag: Tag, name: &str, size: Option<u64>) -> TypeEntry {
        TypeEntry {
            tag,
            name: self.0.string(name.as_bytes()),
            size,
            extent: None,
            target: None,
            unit: UnitId(0),
            declared: Placement::default(),
            encoding: Encoding::Other,
            flags: TypeFlags::default(),
        }
    }

    fn number(&mut self, name: &str, size: u64, encoding: Encoding) -> TypeId {
        let entry = self.entry(Tag::Base, name, Some(size));
        self.0.add_type(TypeEntry { encoding, ..entry })
    }

    fn pointer(&mut self, target: Option<TypeId>) -> TypeId {
        let entry = self.entry(Tag::Pointer, "", Some(8));
        self.0.add_type(TypeEntry { target, ..entry })
    }

    fn aggregate(&mut self, tag: Tag, name: &str, size: u64, members: &[(&str, TypeId, u64)]) -> TypeId {
        let entry = self.entry(tag, name, Some(size));
        let id = self.0.add_type(entry);
        for (name, target, offset) in members {
            let name = self.0.string(name.as_bytes());
            let bit_offset = offset * 8;
            let target = Some(*target);
            self.0.add_member(MemberEntry {
                name,
                target,
                bit_offset,
                bit_size: 0,
                variant: 0,
                is_base: false,
            });
        }
        id
    }
}

/// ```c
/// struct leaf   { long value; int n; };                                            // 16 bytes
/// struct node   { struct node *next; void *data; int n; struct leaf *leaf; };      // 32
/// struct outer  { struct node first; struct leaf second; };                        // 48
/// struct list   { int n; struct node *items[]; };                                  //  8 and more
/// struct choice { long kind; union { struct node *node; long number; } u; };       // 16
/// ```
pub(crate) fn table() -> Table {
    let mut make = Maker(Builder::new());
    make.0.add_unit(UnitEntry { name: StringId::default(), ..UnitEntry::default() });
    let int = make.number("int", 4, Encoding::Signed);
    let long = make.number("long", 8, Encoding::Signed);
    let void = make.pointer(None);
    let leaf = make.aggregate(Tag::Structure, "leaf", 16, &[("value", long, 0), ("n", int, 8)]);
    let to_leaf = make.pointer(Some(leaf));
    let to_node = make.0.next_type();
    let node = TypeId(to_node.0 + 1);
    make.pointer(Some(node));
    let members = [("next", to_node, 0), ("data", void, 8), ("n", int, 16), ("leaf", to_leaf, 24)];
    make.aggregate(Tag::Structure, "node", 32, &members);
    make.aggregate(Tag::Structure, "outer", 48, &[("first", node, 0), ("second", leaf, 32)]);
    let open = make.entry(Tag::Array, "", None);
    let open = make.0.add_type(TypeEntry { target: Some(to_node), ..open });
    make.aggregate(Tag::Structure, "list", 8, &[("n", int, 0), ("items", open, 8)]);
    let union = make.aggregate(Tag::Union, "", 8, &[("node", to_node, 0), ("number", long, 0)]);
    make.aggregate(Tag::Structure, "choice", 16, &[("kind", long, 0), ("u", union, 8)]);
    for name in ["leaf", "node", "outer", "list", "choice"] {
        let target = make.0.next_type();
        let of = ["leaf", "node", "outer", "list", "choice"].iter().position(|known| *known == name);
        let ids = [leaf, node, TypeId(node.0 + 1), TypeId(open.0 + 1), TypeId(union.0 + 1)];
        let entry = make.entry(Tag::Typedef, &format!("{name}_ref"), None);
        let pointer = TypeId(target.0 + 1);
        make.0.add_type(TypeEntry { target: Some(pointer), ..entry });
        make.pointer(Some(ids[of.expect("known")]));
    }
    make.0.finish(&[])
}

/// A process: blocks of words, and pointers to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) blocks: Vec<Vec<u64>>,
    /// A type's name, or none for a conservative root; and the words.
    pub(crate) roots: Vec<(Option<&'static str>, Vec<u64>)>,
    /// What sites say of blocks.
    pub(crate) given: Vec<(usize, &'static str)>,
    /// What sites say of blocks of which they know that one is there, and not how many.
    pub(crate) given_one: Vec<(usize, &'static str)>,
    /// What facts place: address, type, stride, count.
    pub(crate) placed: Vec<(u64, &'static str, u64, u64)>,
    /// Memory that is no block.
    pub(crate) areas: Vec<Vec<u64>>,
    pub(crate) facts: Facts,
}

/// What marking makes of it.
pub(crate) struct Result {
    /// For each block its type's name.
    pub(crate) types: Vec<Option<String>>,
    /// Block, offset, type.
    pub(crate) islands: Vec<(u32, u64, String)>,
    pub(crate) marked: Marked,
    pub(crate) graph: Graph,
    /// What the second tracer does not agree with.
    pub(crate) differences: Vec<String>,
}

/// The address of a block.
pub(crate) fn block(number: usize) -> u64 {
    HEAP + u64::try_from(number).expect("few") * PAGE
}

impl Program {
    pub(crate) fn block(mut self, words: &[u64]) -> Program {
        self.blocks.push(words.to_vec());
        self
    }

    pub(crate) fn root(mut self, ty: &'static str, words: &[u64]) -> Program {
        self.roots.push((Some(ty), words.to_vec()));
        self
    }

    pub(crate) fn conservative_root(mut self, words: &[u64]) -> Program {
        self.roots.push((None, words.to_vec()));
        self
    }

    pub(crate) fn given(mut self, block: usize, ty: &'static str) -> Program {
        self.given.push((block, ty));
        self
    }

    fn process(&self) -> Process {
        let mut fake = Fake::new();
        for (number, words) in self.blocks.iter().enumerate() {
            fake = fake.words(block(number), words);
        }
        for (number, words) in self.areas.iter().enumerate() {
            fake = fake.words(AREAS + u64::try_from(number).expect("few") * PAGE, words);
        }
        for (number, (_, words)) in self.roots.iter().enumerate() {
            fake = fake.words(ROOTS + u64::try_from(number).expect("few") * 0x100, words);
        }
        fake.process()
    }

    pub(crate) fn run(&self) -> Result {
        let table = table();
        let model = Model::new([&table], &self.facts);
        let process = self.process();
        let len = |words: &Vec<u64>| u64::try_from(words.len()).expect("few") * 8;
        let site =
            |number| Some(SiteKey { region: Address(0), id: SiteId(u32::try_from(number).expect("few")) });
        let listed = self.blocks.iter().enumerate().map(|(number, words)| {
            let (address, len) = (block(number), len(words));
            Block { address, len, requested: len, site: site(number) }
        });
        let area = |(number, words): (usize, &Vec<u64>)| {
            let start = AREAS + u64::try_from(number).expect("few") * PAGE;
            Area { range: start..start + len(words), name: format!("area {number}") }
        };
        let areas = self.areas.iter().enumerate().map(area).collect();
        let blocks = Blocks::listed(listed, areas);
        let named = |name: &str| model.named(name).expect("a type");
        let root = |(number, (ty, words)): (usize, &(Option<&str>, Vec<u64>))| Root {
            name: format!("root {number}"),
            kind: if ty.is_some() { RootKind::Variable } else { RootKind::Data },
            address: ROOTS + u64::try_from(number).expect("few") * 0x100,
            len: len(words),
            ty: ty.map(named),
            value: None,
        };
        let roots: Vec<Root> = self.roots.iter().enumerate().map(root).collect();
        let sites = self.given.iter().map(|given| (given, true));
        let sites = sites.chain(self.given_one.iter().map(|given| (given, false)));
        let given = sites.filter_map(|((block, ty), whole)| {
            Some((site(*block)?, Given { ty: named(ty), offset: 0, whole }))
        });
        let given = &BySite::listed(given);
        let placed: Vec<Placed> = self
            .placed
            .iter()
            .map(|placed| {
                let (address, ty, stride, count) = *placed;
                Placed { address, ty: named(ty), stride, count }
            })
            .collect();
        let input = Input {
            process: &process,
            blocks: &blocks,
            model: &model,
            roots: &roots,
            given,
            placed: &placed,
        };
        let marked = mark(&input);
        let graph = Graph::build(&input, &marked);
        let name = |ty: Ty| model.name(ty);
        Result {
            types: marked.types.iter().map(|ty| ty.map(name)).collect(),
            islands: marked.islands.iter().map(|((block, at), one)| (*block, *at, name(one.ty))).collect(),
            differences: paranoid::check(&input, &marked, &graph, 10),
            marked,
            graph,
        }
    }
}

impl Result {
    /// The only pointer in a block.
    pub(crate) fn edge(&self, block: u32) -> Edge {
        let edges: Vec<Edge> = self.graph.edges(Node(block)).collect();
        assert_eq!(edges.len(), 1, "{edges:?}");
        edges[0]
    }

    /// The kinds of pointers in a root.
    pub(crate) fn root_kinds(&self, root: usize) -> Vec<Kind> {
        let node = self.graph.roots().nth(root).expect("a root");
        self.graph.edges(node).map(|edge| edge.kind).collect()
    }

    pub(crate) fn pinned(&self) -> Vec<u32> {
        (0..u32::try_from(self.types.len()).expect("few"))
            .filter(|block| self.graph.is_pinned(*block))
            .collect()
    }

    pub(crate) fn unreached(&self) -> Vec<u32> {
        let blocks = 0..u32::try_from(self.types.len()).expect("few");
        blocks.filter(|block| !self.graph.is_reached(Node(*block))).collect()
    }
}
