//! A process that is made up, of a program that was compiled.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load;
use mcrx_debuginfo::table::{Storage, Table};
use mcrx_tracer::blocks::{Block, Blocks};
use mcrx_tracer::facts::{Facts, FieldFact, Reading};
use mcrx_tracer::given::{BySite, placed};
use mcrx_tracer::graph::{Graph, Kind, Node};
use mcrx_tracer::image::Fake;
use mcrx_tracer::mark::{Input, mark};
use mcrx_tracer::model::Model;
use mcrx_tracer::paranoid;
use mcrx_tracer::roots::{Root, RootKind};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// Where the program is loaded.
const BIAS: u64 = 0x5000_0000;
/// Where its blocks are, each on a page of its own.
const HEAP: u64 = 0x10_0000;
const PAGE: u64 = 0x1000;

/// The program's types, compiled once.
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("types");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/facts/types.c");
        let status = Command::new(&compiler).args(["-g", "-O0", source, "-o"]).arg(&path).status();
        assert!(status.expect("a C compiler").success(), "{compiler} {source}");
        let binary = Binary::open(&path).expect("a program");
        load::load(&binary).expect("debug info")
    })
}

/// The process: its blocks, and its variables.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) facts: Facts,
    blocks: BTreeMap<u64, Vec<u8>>,
    variables: BTreeMap<u64, u64>,
}

/// What tracing makes of it.
pub(crate) struct Traced {
    types: BTreeMap<u64, Option<String>>,
    islands: BTreeMap<u64, (String, u64)>,
    /// From each word: where it leads, and how it is read.
    edges: BTreeMap<u64, (u64, Kind)>,
    pinned: Vec<u64>,
}

impl World {
    /// With a fact about one member.
    pub(crate) fn with(owner: &str, field: &str, reading: Reading) -> World {
        let mut world = World::default();
        world.say(owner, field, reading);
        world
    }

    pub(crate) fn say(&mut self, owner: &str, field: &str, reading: Reading) {
        let (owner, field) = (owner.to_owned(), field.to_owned());
        self.facts.fields.push(FieldFact { owner, field, reading });
    }

    /// A block of so many zeros; where it is.
    pub(crate) fn bytes(&mut self, len: u64) -> u64 {
        let address = HEAP + u64::try_from(self.blocks.len()).expect("few") * PAGE;
        self.blocks.insert(address, vec![0; usize::try_from(len).expect("small")]);
        address
    }

    /// A block for an object.
    pub(crate) fn object(&mut self, ty: &str) -> u64 {
        self.bytes(size(ty))
    }

    /// Puts a number of so many bytes somewhere in a block.
    fn store(&mut self, address: u64, value: u64, len: usize) {
        let (start, bytes) = self.blocks.range_mut(..=address).next_back().expect("a block");
        let at = usize::try_from(address - start).expect("in the block");
        bytes[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    }

    pub(crate) fn word(&mut self, address: u64, value: u64) {
        self.store(address, value, 8);
    }

    pub(crate) fn byte(&mut self, address: u64, value: u64) {
        self.store(address, value, 1);
    }

    /// Sets a member, named from the type on, of an object.
    pub(crate) fn set(&mut self, object: u64, ty: &str, member: &str, value: u64) -> u64 {
        let mut at = named(ty);
        let mut bits = 0;
        let mut width = None;
        for name in member.split('.') {
            let (offset, found) = at.field(name).expect("a member");
            bits += offset;
            width = found.bit_size();
            at = found.ty().and_then(|ty| ty.resolved()).expect("a type");
        }
        let address = object + bits / 8;
        match width {
            Some(_) => self.byte(address, value << (bits % 8)),
            None => self.store(address, value, usize::try_from(at.size().expect("a size")).expect("small")),
        }
        address
    }

    /// Sets a variable.
    pub(crate) fn global(&mut self, name: &str, value: u64) {
        self.at(address_of(name), value);
    }

    /// Sets a word of a variable.
    pub(crate) fn at(&mut self, address: u64, value: u64) {
        self.variables.insert(address, value);
    }

    pub(crate) fn trace(&self) -> Traced {
        let model = Model::loaded([(table(), BIAS)], &self.facts);
        let mut fake = Fake::new();
        for (address, bytes) in &self.blocks {
            fake = fake.bytes(*address, bytes.clone());
        }
        let statics: Vec<_> = table()
            .variables()
            .filter(|one| one.storage() == Storage::Static && one.address().0 > 0)
            .collect();
        let start = statics.iter().map(|one| one.address().0).min().expect("variables") + BIAS;
        let size = |one: &mcrx_debuginfo::table::Variable<'_>| one.ty().and_then(|ty| ty.size()).unwrap_or(0);
        let end = statics.iter().map(|one| one.address().0 + size(one)).max().expect("variables") + BIAS;
        let mut data = vec![0u8; usize::try_from(end - start).expect("small") + 8];
        for (address, value) in &self.variables {
            let at = usize::try_from(address - start).expect("a variable");
            data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let process = fake.bytes(start, data).process();
        let block = |(address, bytes): (&u64, &Vec<u8>)| {
            let len = u64::try_from(bytes.len()).expect("small");
            Block { address: *address, len, requested: len, site: None }
        };
        let blocks = Blocks::listed(self.blocks.iter().map(block), Vec::new());
        let root = |one: &mcrx_debuginfo::table::Variable<'_>| Root {
            name: one.name().to_owned(),
            kind: RootKind::Variable,
            address: one.address().0 + BIAS,
            len: size(one),
            ty: model.number(0, one.ty().expect("a type")),
            value: None,
        };
        let roots: Vec<Root> = statics.iter().map(root).collect();
        let (given, placed) = (BySite::default(), placed(&process, &blocks, &model));
        let (blocks, roots, given, placed) = (&blocks, &roots[..], &given, &placed[..]);
        let input = Input { process: &process, blocks, model: &model, roots, given, placed };
        let marked = mark(&input);
        let graph = Graph::build(&input, &marked);
        assert_eq!(paranoid::check(&input, &marked, &graph, 10), Vec::<String>::new(), "two tracers");
        let address = |number: u32| blocks.get(number).map_or(0, |block| block.address);
        let mut edges = BTreeMap::new();
        for node in (0..blocks.numbers()).map(Node) {
            for edge in graph.edges(node).filter(|edge| edge.to.0 < blocks.numbers()) {
                let to = address(edge.to.0) + edge.to_offset;
                edges.insert(address(node.0) + edge.offset, (to, edge.kind));
            }
        }
        let numbers: Vec<u32> = blocks.iter().map(|(number, _)| number).collect();
        Traced {
            types: numbers
                .iter()
                .map(|number| (address(*number), marked.ty(*number).map(|ty| model.name(ty))))
                .collect(),
            islands: marked
                .islands
                .iter()
                .map(|((number, at), one)| (address(*number) + at, (model.name(one.ty), one.size)))
                .collect(),
            edges,
            pinned: numbers.into_iter().filter(|number| graph.is_pinned(*number)).map(address).collect(),
        }
    }
}

impl Traced {
    /// Of a block as a whole.
    pub(crate) fn ty(&self, block: u64) -> Option<&str> {
        self.types.get(&block)?.as_deref()
    }

    /// What an island is, and how many bytes it has.
    pub(crate) fn island(&self, address: u64) -> Option<(&str, u64)> {
        self.islands.get(&address).map(|(name, size)| (name.as_str(), *size))
    }

    /// Where the word at an address leads, and how it is read.
    pub(crate) fn edge(&self, from: u64) -> Option<(u64, Kind)> {
        self.edges.get(&from).copied()
    }

    pub(crate) fn is_pinned(&self, block: u64) -> bool {
        self.pinned.contains(&block)
    }
}

fn named(ty: &str) -> mcrx_debuginfo::table::Type<'static> {
    let found = table().types_named(ty).find_map(|ty| ty.resolved().filter(|ty| ty.size().is_some()));
    found.expect("a type")
}

/// Bytes of a type.
pub(crate) fn size(ty: &str) -> u64 {
    named(ty).size().expect("a size")
}

/// Bytes from the start of an object to a member.
pub(crate) fn offset(ty: &str, member: &str) -> u64 {
    named(ty).field(member).expect("a member").0 / 8
}

/// Where a variable is in the process.
pub(crate) fn address_of(variable: &str) -> u64 {
    table().variables_named(variable).next().expect("a variable").address().0 + BIAS
}

/// Where a function is in the process.
pub(crate) fn code(function: &str) -> u64 {
    let found = table().functions_named(function).find_map(|one| one.code());
    found.expect("a function").0.0 + BIAS
}
