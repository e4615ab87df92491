//! Which definition a declaration (`struct connection;`) stands for.
//!
//! The definition of its own unit, or that of a type unit which it names, or else the one that all units which define the name agree
//! on. Whether they agree is only known after equal types have been found, and which types are equal depends on what declarations stand
//! for: so agreement is assumed at first, and where it turns out wrong the name is struck off and the classes are made anew. Where
//! units disagree, the declaration stays one: nothing says which of them is meant.

use super::graph::Graph;
use super::outline::{NOTHING, Named};
use rustc_hash::FxHashMap;

/// How many declarations in a row are followed. Only damaged debug info has more than one.
const LONGEST: usize = 8;

/// What declarations stand for.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Definitions of each name that some unit declares, in order.
    definitions: FxHashMap<u64, Vec<u32>>,
    /// Declarations: the type, its name, and the definition in its own unit.
    declarations: Vec<(u32, u64, Option<u32>)>,
    /// Those that name a type unit.
    signatures: Vec<(u32, u32)>,
    /// Names that different units define differently.
    disputed: Vec<u64>,
}

impl Declared {
    pub(super) fn new(graph: &Graph<'_>) -> Declared {
        let mut declared = Declared::default();
        for outline in &graph.outlines {
            for named in &outline.declarations {
                declared.definitions.entry(named.key).or_default();
            }
        }
        let mut own: FxHashMap<u64, u32> = FxHashMap::default();
        for (unit, outline) in graph.outlines.iter().enumerate() {
            let base = graph.base(unit);
            own.clear();
            for Named { ty, key } in &outline.definitions {
                if let Some(definitions) = declared.definitions.get_mut(key) {
                    definitions.push(base + ty);
                    own.entry(*key).or_insert(base + ty);
                }
            }
            let declarations = outline.declarations.iter();
            declared
                .declarations
                .extend(declarations.map(|named| (base + named.ty, named.key, own.get(&named.key).copied())));
            let signatures = outline.signatures.iter();
            declared
                .signatures
                .extend(signatures.filter_map(|(ty, die)| Some((base + ty, graph.node(*die)?))));
        }
        declared
    }

    /// Strikes off the names whose definitions are not all alike; whether there were any.
    pub(super) fn dispute<T: PartialEq>(&mut self, class: impl Fn(u32) -> T) -> bool {
        let differ = |definitions: &Vec<u32>| {
            let first = definitions.first().map(|first| class(*first));
            definitions.iter().any(|other| Some(class(*other)) != first)
        };
        let disputed = self.definitions.extract_if(|_, definitions| differ(definitions)).map(|(key, _)| key);
        let before = self.disputed.len();
        self.disputed.extend(disputed);
        self.disputed.len() > before
    }

    /// Each declaration that stands for a definition, and which; in order.
    pub(super) fn resolved(&self) -> Vec<(u32, u32)> {
        let agreed =
            |key: &u64| self.definitions.get(key).and_then(|definitions| definitions.first().copied());
        let named =
            self.declarations.iter().filter_map(|(ty, key, own)| Some((*ty, own.or_else(|| agreed(key))?)));
        let mut all: Vec<(u32, u32)> = named.chain(self.signatures.iter().copied()).collect();
        all.sort_unstable();
        let steps: FxHashMap<u32, u32> = all.iter().copied().collect();
        let last = |mut ty: u32| {
            for _ in 0..LONGEST {
                match steps.get(&ty) {
                    Some(next) => ty = *next,
                    None => return ty,
                }
            }
            NOTHING
        };
        all.iter().map(|(ty, to)| (*ty, last(*to))).filter(|(ty, to)| *to != NOTHING && ty != to).collect()
    }
}
