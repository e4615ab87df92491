//! Which types of different units are the same.
//!
//! The same are those of which everything that is said is the same, down to the types that they are made of, as far as one can follow.
//! That is the coarsest partition of the graph in which the types of a class agree in what they say of themselves and in the classes of
//! their children (as in the minimisation of automata: Moore 1956, *Gedanken-experiments on sequential machines*). It is found by
//! starting too coarse, and splitting until nothing disagrees with its class any more. So structures that refer to each other in
//! circles are merged, and one difference somewhere below keeps apart all that reaches it.

use super::declared::Declared;
use super::graph::Graph;
use super::hash::mix;
use super::outline::{NOTHING, at, number};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// How far down the first, coarse classes look.
const HASHED_DEPTH: usize = 3;

/// How many rounds of splitting a real program may need: the longest way from a type to a difference below it. Past that, nothing is
/// merged at all, which is always correct.
const MOST_ROUNDS: usize = 250;

/// The classes of equal types.
pub(super) struct Classes {
    /// Of each type: its class. Of a declaration: that of what it stands for.
    of: Vec<u32>,
    /// Of each class: its first type that is no resolved declaration; increasing.
    pub(super) first: Vec<u32>,
}

impl Classes {
    /// The class of a type; `None` of no type.
    pub(super) fn of(&self, node: u32) -> Option<u32> {
        self.of.get(at(node)).copied()
    }

    /// Of all types.
    pub(super) fn all(&self) -> &[u32] {
        &self.of
    }
}

/// Finds which types are the same.
pub(super) fn classes(graph: &Graph<'_>) -> Classes {
    let mut hashes = Vec::with_capacity(graph.len());
    for outline in &graph.outlines {
        hashes.extend_from_slice(&outline.hashes);
    }
    let mut declared = Declared::new(graph);
    declared.dispute(|ty| hashes.get(at(ty)).copied());
    loop {
        let resolved = declared.resolved();
        let mut classes = coarse(graph, hashes.clone(), &resolved);
        if !split(graph, &mut classes, &resolved) {
            classes.of = (0..number(graph.len())).collect();
            copy(&mut classes.of, &resolved);
        }
        if !declared.dispute(|ty| classes.of(ty)) {
            return renumbered(classes, &resolved);
        }
    }
}

/// Gives every declaration what its definition has.
fn copy<T: Copy>(values: &mut [T], resolved: &[(u32, u32)]) {
    for (declaration, definition) in resolved {
        if let Some(value) = values.get(at(*definition)).copied()
            && let Some(slot) = values.get_mut(at(*declaration))
        {
            *slot = value;
        }
    }
}

/// Classes of types that look the same a few levels deep.
fn coarse(graph: &Graph<'_>, mut hashes: Vec<u64>, resolved: &[(u32, u32)]) -> Classes {
    copy(&mut hashes, resolved);
    let mut deeper = vec![0; hashes.len()];
    for _ in 0..HASHED_DEPTH {
        graph.cut(&mut deeper).into_par_iter().zip(&graph.outlines).enumerate().for_each(
            |(unit, (slots, outline))| {
                let own = hashes.get(at(graph.base(unit))..).unwrap_or(&[]);
                for ((ty, slot), own) in (0..).zip(slots).zip(own) {
                    let below = |child: &u32| hashes.get(at(*child)).copied().unwrap_or(u64::MAX);
                    *slot = outline.children_of(ty).iter().map(below).fold(*own, mix);
                }
            },
        );
        std::mem::swap(&mut hashes, &mut deeper);
        copy(&mut hashes, resolved);
    }
    let mut numbers: FxHashMap<u64, u32> = FxHashMap::default();
    let mut first = Vec::new();
    let mut of = vec![NOTHING; hashes.len()];
    let mut declarations = resolved.iter().map(|(declaration, _)| *declaration).peekable();
    for ((node, hash), slot) in (0..).zip(&hashes).zip(&mut of) {
        if declarations.next_if_eq(&node).is_none() {
            *slot = *numbers.entry(*hash).or_insert_with(|| {
                first.push(node);
                number(first.len() - 1)
            });
        }
    }
    copy(&mut of, resolved);
    Classes { of, first }
}

/// Splits classes until all types of each have children of the same classes. False: it would take too long.
fn split(graph: &Graph<'_>, classes: &mut Classes, resolved: &[(u32, u32)]) -> bool {
    for _ in 0..MOST_ROUNDS {
        let Classes { of, first } = &*classes;
        let class = |node: u32| of.get(at(node)).copied().unwrap_or(NOTHING);
        let models: Vec<(u32, &[u32])> = first.iter().map(|node| (*node, graph.children(*node))).collect();
        // Those whose children are other than those of the first of their class, with what tells them apart.
        let differing: Vec<Vec<(u32, u64)>> = (0..graph.outlines.len())
            .into_par_iter()
            .map(|unit| {
                let mut found = Vec::new();
                let Some(outline) = graph.outlines.get(unit) else { return found };
                let base = graph.base(unit);
                for ty in 0..number(outline.dies.len()) {
                    let node = base + ty;
                    let Some((model, other)) = models.get(at(class(node))) else { continue };
                    if *model == node {
                        continue;
                    }
                    let own = outline.children_of(ty);
                    let same = own.len() == other.len()
                        && own
                            .iter()
                            .zip(other.iter())
                            .all(|(own, other)| own == other || class(*own) == class(*other));
                    if !same {
                        let children = own.iter().map(|child| u64::from(class(*child)));
                        found.push((node, children.fold(u64::from(class(node)), mix)));
                    }
                }
                found
            })
            .collect();
        let mut numbers: FxHashMap<u64, u32> = FxHashMap::default();
        for (node, key) in differing.into_iter().flatten() {
            if resolved.binary_search_by_key(&node, |(declaration, _)| *declaration).is_ok() {
                continue;
            }
            let class = *numbers.entry(key).or_insert_with(|| {
                classes.first.push(node);
                number(classes.first.len() - 1)
            });
            if let Some(slot) = classes.of.get_mut(at(node)) {
                *slot = class;
            }
        }
        if numbers.is_empty() {
            return true;
        }
        copy(&mut classes.of, resolved);
    }
    false
}

/// Numbers classes by their first types.
fn renumbered(mut classes: Classes, resolved: &[(u32, u32)]) -> Classes {
    let mut numbers = vec![NOTHING; classes.of.len()];
    let mut first = Vec::with_capacity(classes.first.len());
    let mut declarations = resolved.iter().map(|(declaration, _)| *declaration).peekable();
    for (node, class) in (0..).zip(&classes.of) {
        if declarations.next_if_eq(&node).is_none()
            && let Some(slot) = numbers.get_mut(at(*class)).filter(|slot| **slot == NOTHING)
        {
            *slot = number(first.len());
            first.push(node);
        }
    }
    for class in &mut classes.of {
        *class = numbers.get(at(*class)).copied().unwrap_or(NOTHING);
    }
    classes.first = first;
    classes
}
