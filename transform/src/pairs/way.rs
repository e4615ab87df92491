//! Ways from roots, and how they are spelt: `cycle->listening.elts[1].servers`.

use crate::side::Side;
use mcrx_tracer::graph::Graph;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::Ty;

/// Steps that are spelt at the end of a long way.
const LAST: usize = 6;

/// By its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WayId(u32);

/// A way: to a root, or one pointer further than another way.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// `None`: it is a root.
    before: Option<WayId>,
    /// The first of its steps.
    root: WayId,
    /// Of steps.
    len: u32,
    /// Where the pointer is.
    at: At,
}

/// Where a pointer is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At {
    /// In an object of this type.
    pub(super) ty: Option<Ty>,
    /// Which one of those side by side. `None`: there is one.
    pub(super) index: Option<u64>,
    /// Bytes into it.
    pub(super) within: u64,
    /// A rule says what it leads to: the new member's name. `None`: the old pointer does.
    pub(super) rule: Option<NameId>,
}

/// A name that is no old member's, by its place among all.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameId(usize);

/// All ways of one walk.
#[derive(Debug, Default)]
pub(super) struct Ways {
    all: Vec<Way>,
    roots: Vec<String>,
    names: Vec<String>,
}

impl Ways {
    /// The way to a root. Too many to be counted are all as the last.
    pub(super) fn root(&mut self, name: &str) -> WayId {
        let id = self.next();
        let name_place = u64::try_from(self.roots.len()).unwrap_or(0);
        self.roots.push(name.to_owned());
        let at = At { within: name_place, ..At::default() };
        self.all.push(Way { before: None, root: id, len: 0, at });
        id
    }

    /// A name for a step that a rule makes.
    pub(super) fn name(&mut self, name: String) -> NameId {
        self.names.push(name);
        NameId(self.names.len() - 1)
    }

    /// The way along a pointer.
    pub(super) fn step(&mut self, before: WayId, at: At) -> WayId {
        let id = self.next();
        let (root, len) = self.get(before).map_or((before, 0), |way| (way.root, way.len));
        self.all.push(Way { before: Some(before), root, len: len.saturating_add(1), at });
        id
    }

    fn next(&self) -> WayId {
        WayId(u32::try_from(self.all.len()).unwrap_or(u32::MAX))
    }

    fn get(&self, id: WayId) -> Option<&Way> {
        self.all.get(usize::try_from(id.0).ok()?)
    }

    /// As C writes it; of a long one the root and the end.
    pub(super) fn spell(&self, side: &Side<'_>, id: WayId) -> String {
        let mut last = Vec::new();
        let mut next = Some(id);
        let mut left = 0;
        while let Some(way) = next.and_then(|id| self.get(id)).filter(|way| way.before.is_some()) {
            if last.len() == LAST {
                left = way.len;
                break;
            }
            last.push(way);
            next = way.before;
        }
        let root = self.get(id).and_then(|way| self.get(way.root));
        let name = root.and_then(|root| self.roots.get(usize::try_from(root.at.within).ok()?));
        let mut text = name.cloned().unwrap_or_default();
        if left > 0 {
            text.push_str(&format!("->...({left} more)..."));
        }
        for (place, way) in last.iter().rev().enumerate() {
            let At { ty, index, within, rule } = way.at;
            let path = match rule.and_then(|NameId(place)| self.names.get(place)) {
                Some(name) => name.clone(),
                None => ty.map_or_else(String::new, |ty| side.trace.model.path(ty, within)),
            };
            match index {
                _ if place == 0 && left == 0 => text.push_str(&path),
                Some(index) => text.push_str(&format!("[{index}]{path}")),
                None => {
                    text.push_str("->");
                    text.push_str(path.strip_prefix('.').unwrap_or(&path));
                }
            }
        }
        text
    }
}

/// Ways to all that roots lead to, whatever pairs.
pub(super) struct Reached {
    ways: Ways,
    of: Vec<Option<WayId>>,
}

impl Reached {
    /// Breadth first; over pointers that are none for sure only where nothing else leads.
    pub(super) fn of(side: &Side<'_>) -> Reached {
        let graph: &Graph = &side.trace.graph;
        let mut reached = Reached { ways: Ways::default(), of: vec![None; graph.nodes().len()] };
        let mut later = Vec::new();
        let mut work = Vec::new();
        let starts = graph.nodes().filter(|node| graph.is_start(*node));
        for node in starts {
            let root = graph.root(node).and_then(|root| side.trace.roots.get(root));
            let area = graph.block(node).and_then(|number| side.trace.blocks.area(number));
            let name = match (root, area) {
                (Some(root), _) => format!("{}{}", root.kind_name(), root.name),
                (None, Some(area)) => area.name.clone(),
                (None, None) => continue,
            };
            let way = reached.ways.root(&name);
            reached.set(node, way);
            work.push(node);
        }
        loop {
            let mut next = 0;
            while let Some(node) = work.get(next).copied() {
                next += 1;
                for edge in graph.edges(node) {
                    if edge.kind.pins() {
                        later.push((node, edge.offset, edge.to));
                    } else if let Some(to) = reached.add(side, node, edge.offset, edge.to) {
                        work.push(to);
                    }
                }
            }
            work.clear();
            for (node, offset, to) in std::mem::take(&mut later) {
                work.extend(reached.add(side, node, offset, to));
            }
            if work.is_empty() {
                return reached;
            }
        }
    }

    fn set(&mut self, node: Node, way: WayId) {
        if let Some(place) = usize::try_from(node.0).ok().and_then(|node| self.of.get_mut(node)) {
            *place = Some(way);
        }
    }

    fn get(&self, node: Node) -> Option<WayId> {
        *self.of.get(usize::try_from(node.0).ok()?)?
    }

    /// One pointer further, if nothing has led there.
    fn add(&mut self, side: &Side<'_>, from: Node, offset: u64, to: Node) -> Option<Node> {
        let before = self.get(from).filter(|_| self.get(to).is_none())?;
        let trace = side.trace;
        let at = match trace.graph.root(from) {
            Some(root) => {
                let ty = trace.roots.get(root).and_then(|root| root.ty);
                At { ty, within: offset, ..At::default() }
            }
            None => {
                let block = trace.graph.block(from)?;
                let len = trace.blocks.get(block)?.len;
                match trace.marked.object_at(trace.model, len, block, offset) {
                    Some(object) => At {
                        ty: Some(object.ty),
                        index: (object.index > 0).then_some(object.index),
                        within: object.within,
                        rule: None,
                    },
                    None => At { within: offset, ..At::default() },
                }
            }
        };
        let way = self.ways.step(before, at);
        self.set(to, way);
        Some(to)
    }

    /// The way to a block.
    pub(super) fn spell(&self, side: &Side<'_>, block: u32) -> String {
        self.get(Node(block)).map_or_else(String::new, |way| self.ways.spell(side, way))
    }
}
