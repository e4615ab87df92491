//! Places of a process, as a programmer would write them.

use mcrx_tracer::graph::{Node, Step};
use mcrx_tracer::roots::Root;
use mcrx_tracer::trace::Trace;

/// Pointers of a long way that are written out, at its beginning and at its end: lists have millions of elements.
const SHOWN: usize = 6;

/// The shortest way from a root to a place of a node, as C would write it: `cycle->listening.elts`. A node that no root leads to: what it is.
pub fn path(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    spelled(trace, &trace.graph.path_to(node), (node, offset))
}

/// The same for old addresses, at the price of one: of blocks and their insides, and of variables. Nothing where neither is.
pub(crate) fn paths(trace: &Trace<'_>, addresses: &[u64]) -> Vec<String> {
    let block = |address: &u64| trace.blocks.at(*address).map(|(number, offset)| (Node(number), offset));
    let root = |address: &u64| {
        let mut roots = trace.graph.roots().zip(&trace.roots);
        let within = |root: &Root| address.checked_sub(root.address).filter(|within| *within < root.len);
        roots.find_map(|(node, root)| Some((node, within(root).filter(|_| root.address != 0)?)))
    };
    let places: Vec<Option<(Node, u64)>> =
        addresses.iter().map(|address| block(address).or_else(|| root(address))).collect();
    let nodes: Vec<Node> = places.iter().flatten().map(|(node, _)| *node).collect();
    let mut ways = trace.graph.paths_to(&nodes).into_iter();
    let mut told = |place: (Node, u64)| spelled(trace, &ways.next().unwrap_or_default(), place);
    places.into_iter().map(|place| place.map_or_else(String::new, &mut told)).collect()
}

fn spelled(trace: &Trace<'_>, steps: &[Step], (node, offset): (Node, u64)) -> String {
    let mut text = String::new();
    let pointers = steps.iter().map(|step| (step.node, step.edge.offset));
    let left_out = steps.len().saturating_sub(2 * SHOWN);
    for (number, (node, offset)) in pointers.chain([(node, offset)]).enumerate() {
        if text.is_empty() {
            text = object(trace, node, offset);
            continue;
        }
        if left_out > 0 && (SHOWN..SHOWN + left_out).contains(&number) {
            if number == SHOWN {
                text.push_str(&format!("-> ({left_out} pointers) "));
            }
            continue;
        }
        let (index, inside) = inside(trace, node, offset);
        match (index, inside.strip_prefix('.')) {
            (0, Some(member)) => text.push_str(&format!("->{member}")),
            (0, None) if inside.is_empty() => text = format!("*{text}"),
            (0, None) => text = format!("(*{text}){inside}"),
            (index, _) => text.push_str(&format!("[{index}]{inside}")),
        }
    }
    text
}

/// What a place of a node is: a member of a variable, or of an object that is named by its type.
pub(super) fn object(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    if let Some(root) = trace.graph.root(node).and_then(|root| trace.roots.get(root)) {
        let inside = match root.ty {
            Some(ty) => trace.model.path(ty, offset),
            None if offset > 0 => format!("+{offset}"),
            None => String::new(),
        };
        return format!("{}{}{inside}", root.kind_name(), root.name);
    }
    let Some((number, block)) =
        trace.graph.block(node).and_then(|number| Some((number, trace.blocks.get(number)?)))
    else {
        return "?".to_owned();
    };
    let (index, inside) = inside(trace, node, offset);
    if let Some(area) = trace.blocks.area(number) {
        return format!("({}){inside}", area.name);
    }
    let name = match trace.marked.object_at(trace.model, block.len, number, offset) {
        Some(object) => trace.model.name(object.ty),
        None => format!("{} bytes", block.requested),
    };
    let index = if index > 0 { format!("[{index}]") } else { String::new() };
    format!("({name} at {:#x}){index}{inside}", block.address)
}

/// The member that lies at a place, without where the object is: the same of all objects of a type.
pub(super) fn member(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    let block = trace.graph.block(node).and_then(|number| Some((number, trace.blocks.get(number)?)));
    let object =
        block.and_then(|(number, block)| trace.marked.object_at(trace.model, block.len, number, offset));
    match object {
        Some(object) => {
            format!("{}{}", trace.model.name(object.ty), trace.model.path(object.ty, object.within))
        }
        None => object_of_root(trace, node, offset),
    }
}

fn object_of_root(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    match trace.graph.root(node) {
        Some(_) => object(trace, node, offset),
        None => String::new(),
    }
}

/// Which of several objects side by side a place of a block is in, and where in that one.
fn inside(trace: &Trace<'_>, node: Node, offset: u64) -> (u64, String) {
    let block = trace.graph.block(node).and_then(|number| Some((number, trace.blocks.get(number)?)));
    let object =
        block.and_then(|(number, block)| trace.marked.object_at(trace.model, block.len, number, offset));
    match object {
        Some(object) => (object.index, trace.model.path(object.ty, object.within)),
        None if offset > 0 => (0, format!("+{offset}")),
        None => (0, String::new()),
    }
}
