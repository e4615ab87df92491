//! Chrome's `.heapsnapshot`: a graph for the Memory panel of its developer tools.
//!
//! ```text
//!   nodes   0                the root, which leads to all that follows it here
//!           1 ..             for each process where its ways begin, and one for what nothing leads to
//!             ..             its blocks: class is their type
//! ```
//!
//! The reader streams: the keys of the file are in one fixed order, edges are in the order of the nodes that they come from, and an edge leads to a
//! place in the flat array of nodes. Numbers of nodes are the same from snapshot to snapshot, as far as 31 bits allow, so that the panel
//! can compare two.

use crate::index::{Block, Index, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};

const NODE_FIELDS: u64 = 7;
/// Places in `node_types` below.
const OBJECT: u32 = 3;
const NATIVE: u32 = 8;
const SYNTHETIC: u32 = 9;
/// A place in `edge_types` below.
const ELEMENT: u32 = 1;

const META: &str = r#"{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],
"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],
"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],
"trace_node_fields":["id","function_info_index","count","size","children"],
"sample_fields":["timestamp_us","last_assigned_id"],
"location_fields":["object_index","script_id","line","column"]}"#;

/// Writes all processes as one graph.
///
/// # Errors
/// It cannot be written.
pub fn write(snapshot: &Snapshot, out: impl Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let graphs = graphs(snapshot);
    let nodes: usize = 1 + graphs.iter().map(Graph::nodes).sum::<usize>();
    let edges: usize = graphs.iter().map(|graph| graph.tops() + graph.edges()).sum();
    write!(out, "{{\"snapshot\":{{\"meta\":{META},\"node_count\":{nodes},\"edge_count\":{edges},")?;
    write!(out, "\"trace_function_count\":0}},\n\"nodes\":[")?;
    let mut names = Names::default();
    let mut ids = Ids::default();
    let tops: usize = graphs.iter().map(Graph::tops).sum();
    let root = [SYNTHETIC, names.number(""), ids.of("root", 0, 0)];
    write!(out, "{},{},{},0,{tops},0,0", root[0], root[1], root[2])?;
    for graph in &graphs {
        graph.write_nodes(&mut names, &mut ids, &mut out)?;
    }
    write!(out, "],\n\"edges\":[")?;
    let mut separator = "";
    for (index, place) in
        graphs.iter().flat_map(Graph::top_places).zip(0_u64..).map(|(place, index)| (index, place))
    {
        write!(out, "{separator}{ELEMENT},{index},{}", place * NODE_FIELDS)?;
        separator = "\n,";
    }
    for graph in &graphs {
        graph.write_edges(&mut out)?;
    }
    write!(
        out,
        "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":["
    )?;
    let mut separator = "";
    for name in &names.names {
        write!(out, "{separator}{}", serde_json::to_string(name).map_err(io::Error::other)?)?;
        separator = ",\n";
    }
    writeln!(out, "]}}")?;
    out.flush()
}

/// A process in the file: its beginnings, one for what is lost, its blocks.
struct Graph<'i> {
    index: &'i Index,
    /// The number of its first node in the file.
    first: u64,
    lost: Vec<u32>,
}

fn graphs(snapshot: &Snapshot) -> Vec<Graph<'_>> {
    let mut first = 1;
    let mut graphs = Vec::new();
    for index in &snapshot.processes {
        let graph = Graph { index, first, lost: index.lost() };
        first += number(graph.nodes());
        graphs.push(graph);
    }
    graphs
}

impl Graph<'_> {
    /// What the root leads to.
    fn tops(&self) -> usize {
        self.index.starts.len() + 1
    }

    fn nodes(&self) -> usize {
        self.tops() + self.index.blocks.len()
    }

    fn edges(&self) -> usize {
        (0..self.index.edges.nodes()).map(|node| self.index.edges.of(node).len()).sum::<usize>()
            + self.lost.len()
    }

    fn top_places(&self) -> impl Iterator<Item = u64> {
        self.first..self.first + number(self.tops())
    }

    /// Where a block is in the flat array.
    fn place(&self, block: u32) -> u64 {
        (self.first + number(self.tops()) + u64::from(block)) * NODE_FIELDS
    }

    /// The node of the index for each beginning, in order.
    fn beginnings(&self) -> impl Iterator<Item = u32> {
        let blocks = u32::try_from(self.index.blocks.len()).unwrap_or(u32::MAX);
        blocks..self.index.edges.nodes()
    }

    fn write_nodes(&self, names: &mut Names, ids: &mut Ids, out: &mut impl Write) -> io::Result<()> {
        let pid = self.index.process.pid;
        let count = |node: u32| self.index.edges.of(node).len();
        for (start, node) in self.index.starts.iter().zip(self.beginnings()) {
            let name = self.index.owners.name(*start);
            let id = ids.of(&name, pid, 0);
            write!(out, "\n,{NATIVE},{},{id},0,{},0,0", names.number(&name), count(node))?;
        }
        let id = ids.of("(leaked)", pid, 0);
        write!(out, "\n,{NATIVE},{},{id},0,{},0,0", names.number("(leaked)"), self.lost.len())?;
        for (block, node) in self.index.blocks.iter().zip(0..) {
            let Block { address, life, bytes, .. } = block;
            let id = ids.of("block", pid, address.rotate_left(24) ^ u64::from(life.number()));
            // The reader keeps sizes in 32 bits.
            let bytes = (*bytes).min(u64::from(u32::MAX));
            write!(
                out,
                "\n,{OBJECT},{},{id},{bytes},{},0,0",
                names.number(self.index.type_of(block)),
                count(node)
            )?;
        }
        Ok(())
    }

    fn write_edges(&self, out: &mut impl Write) -> io::Result<()> {
        let blocks = u32::try_from(self.index.blocks.len()).unwrap_or(u32::MAX);
        let of = |node: u32| self.index.edges.of(node);
        let lists = self.beginnings().map(of).chain([self.lost.as_slice()]).chain((0..blocks).map(of));
        for list in lists {
            for (to, index) in list.iter().zip(0_u64..) {
                write!(out, "\n,{ELEMENT},{index},{}", self.place(*to))?;
            }
        }
        Ok(())
    }
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The strings of the file.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    numbers: FxHashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Numbers of nodes: from what names them, and the next free one where two would have the same.
#[derive(Default)]
struct Ids(FxHashSet<u32>);

impl Ids {
    fn of(&mut self, kind: &str, pid: u32, place: u64) -> u32 {
        let mut hasher = FxHasher::default();
        (kind, pid, place).hash(&mut hasher);
        let bits = hasher.finish();
        let mut id = u32::try_from(bits >> 33).unwrap_or(0).max(1);
        while !self.0.insert(id) {
            id = (id + 1) & (u32::MAX >> 1);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::{Edges, at};
    use crate::index::{Group, Life, Process};
    use crate::owners::Owners;
    use serde_json::Value;

    /// `list` leads to a node, which leads to another one; nothing leads to a third.
    fn process(pid: u32) -> Index {
        let mut owners = Owners::default();
        let list = owners.start("list");
        let block = |(address, bytes)| Block { address, bytes, life: Life::new(1, false), group: 0 };
        let mut edges = Edges::default();
        for targets in [&[1][..], &[], &[], &[0]] {
            edges.push(targets.iter().copied());
        }
        Index {
            process: Process { pid, ..Process::default() },
            blocks: [(16, 10), (32, 20), (48, u64::MAX)].map(block).into(),
            groups: vec![Group { ty: 0, site: 0, owner: list }],
            types: vec!["struct \"node\"".to_owned()],
            owners,
            edges,
            starts: vec![list],
            ..Index::default()
        }
    }

    fn written(snapshot: &Snapshot) -> String {
        let mut file = Vec::new();
        write(snapshot, &mut file).unwrap();
        String::from_utf8(file).unwrap()
    }

    fn numbers(value: &Value) -> Vec<u64> {
        value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    }

    /// For each node its class, its size, and where it leads; walked as the panel's loader does.
    fn read(text: &str) -> Vec<(String, u64, Vec<u64>)> {
        let file: Value = serde_json::from_str(text).unwrap();
        let (nodes, edges) = (numbers(&file["nodes"]), numbers(&file["edges"]));
        assert_eq!(nodes.len() as u64, 7 * file["snapshot"]["node_count"].as_u64().unwrap());
        assert_eq!(edges.len() as u64, 3 * file["snapshot"]["edge_count"].as_u64().unwrap());
        let mut ids = FxHashSet::default();
        let mut next = edges.chunks(3);
        let mut found = Vec::new();
        for node in nodes.chunks(7) {
            assert!(ids.insert(node[2]) && node[2] <= u64::from(u32::MAX));
            let targets = next.by_ref().take(at(u32::try_from(node[4]).unwrap()));
            let targets = targets.map(|edge| {
                assert!(edge[2] % 7 == 0 && edge[2] < nodes.len() as u64);
                edge[2] / 7
            });
            let name = file["strings"][at(u32::try_from(node[1]).unwrap())].as_str().unwrap();
            found.push((name.to_owned(), node[3], targets.collect()));
        }
        assert!(next.next().is_none());
        found
    }

    #[test]
    fn it_reads_back_as_the_graph_that_it_was() {
        let node = |name: &str, size, to: &[u64]| (name.to_owned(), size, to.to_vec());
        let text = written(&Snapshot { processes: vec![process(7), process(8)] });
        let ty = "struct \"node\"";
        assert_eq!(
            read(&text),
            [
                node("", 0, &[1, 2, 6, 7]),
                node("list", 0, &[3]),
                node("(leaked)", 0, &[5]),
                node(ty, 10, &[4]),
                node(ty, 20, &[]),
                node(ty, u64::from(u32::MAX), &[]),
                node("list", 0, &[8]),
                node("(leaked)", 0, &[10]),
                node(ty, 10, &[9]),
                node(ty, 20, &[]),
                node(ty, u64::from(u32::MAX), &[]),
            ]
        );
    }

    #[test]
    fn keys_are_in_the_order_in_which_the_reader_wants_them() {
        let text = written(&Snapshot { processes: vec![process(7)] });
        let keys = [
            "snapshot",
            "nodes",
            "edges",
            "trace_function_infos",
            "trace_tree",
            "samples",
            "locations",
            "strings",
        ];
        let places: Vec<usize> = keys.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn a_block_has_the_same_number_in_every_snapshot() {
        let ids = |snapshot: &Snapshot| -> Vec<u64> {
            let file: Value = serde_json::from_str(&written(snapshot)).unwrap();
            numbers(&file["nodes"]).chunks(7).map(|node| node[2]).collect()
        };
        let mut later = process(7);
        later.blocks.remove(0);
        later.edges = Edges::default();
        [&[][..], &[], &[0]].iter().for_each(|targets| later.edges.push(targets.iter().copied()));
        let (before, after) =
            (ids(&Snapshot { processes: vec![process(7)] }), ids(&Snapshot { processes: vec![later] }));
        assert_eq!(before[4..], after[3..]);
        // The panel takes odd numbers for its own kind of objects, and even ones for others: not all are of one sort.
        let many: Vec<u32> =
            (0..64).scan(Ids::default(), |ids, place| Some(ids.of("block", 1, place))).collect();
        assert!(many.iter().any(|id| id % 2 == 0) && many.iter().any(|id| id % 2 == 1));
    }
}
