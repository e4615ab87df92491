//! `mcrx whatis`, `why` and `refs`: what an address is, why it lives, who points to it.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Which, names};
use anyhow::Result;
use mcrx_tracer::graph::{Edge, Kind, Node};
use mcrx_tracer::trace::Trace;
use serde::Serialize;
use shared::SharedFacts;

mod shared;

/// Say what a word is: an object with its type and member, a function, a variable, or memory of some other sort
#[derive(clap::Args)]
#[command(after_help = "\
Of shared memory it is said which processes of a live server or of a snapshot see it, too.

Examples:
  mcrx whatis 4711 0x100200042040
  mcrx whatis nginx.snap 0x7f31aa20b008 --process 4712")]
pub(crate) struct WhatisArgs {
    #[command(flatten)]
    asked: Asked,
    /// Only this one process is held; who shares memory with it is not known then
    #[arg(long)]
    alone: bool,
}

/// Say why an object lives: the shortest way to it from a variable, a stack or a register
///
/// A way of precise pointers is shown if there is one, even if there is a shorter one through words that may be none.
#[derive(clap::Args)]
#[command(after_help = "Exit code 1: no root leads to it.\n\nExample:\n  mcrx why 4711 0x100200042040")]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    asked: Asked,
}

/// List the pointers to an object
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mcrx refs 4711 0x100200042040")]
pub(crate) struct RefsArgs {
    #[command(flatten)]
    asked: Asked,
}

#[derive(clap::Args)]
struct Asked {
    #[command(flatten)]
    which: Which,
    /// The address, anywhere in the object
    address: String,
}

/// An object, or what else is at an address.
#[derive(Serialize)]
struct WhatisFacts {
    schema: &'static str,
    #[serde(flatten)]
    subject: SubjectFacts,
    address: String,
    /// `block`, `root`, `function`, `freed`, `mapped` or `nothing`.
    kind: &'static str,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<BlockFacts>,
    /// Who else sees what is written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<SharedFacts>,
}

#[derive(Serialize)]
struct BlockFacts {
    address: String,
    bytes: u64,
    /// From its start to the address that was asked for.
    offset: u64,
    /// Of the object at that place.
    #[serde(rename = "type")]
    ty: Option<String>,
    /// The member at that place.
    path: Option<String>,
    site: String,
    reachable: bool,
    pinned: bool,
}

#[derive(Serialize)]
struct PointersFacts {
    schema: &'static str,
    #[serde(flatten)]
    subject: SubjectFacts,
    address: String,
    /// From the root to the object; or in the order of the objects that hold them.
    pointers: Vec<PointerFacts>,
}

#[derive(Serialize)]
struct PointerFacts {
    from: String,
    kind: &'static str,
    to: String,
}

pub(crate) fn whatis(args: &WhatisArgs, output: &Output) -> Result<()> {
    let address = names::address(&args.asked.address)?;
    let subject =
        Subject::open(&args.asked.which, if args.alone { Extent::One } else { Extent::Tree }, output)?;
    subject.traced(output, |trace, _| {
        let facts = what_is(trace, address, &subject);
        output.line(format_args!("{address:#x}: {}", facts.what))?;
        if let Some(shared) = &facts.shared {
            output.line(format_args!("  {}", shared.described()))?;
        }
        if let Some(block) = &facts.block {
            output.line(format_args!(
                "  block of {} bytes at {}, {} bytes in\n  made by {}\n  {}, {}",
                block.bytes,
                block.address,
                block.offset,
                block.site,
                if block.reachable { "reachable" } else { "no root leads to it" },
                if block.pinned { "pinned" } else { "may move" }
            ))?;
            let target = subject.named(&args.asked.which);
            output.line(format_args!("\nNext: mcrx why {target} {address:#x}"))?;
        }
        output.facts(&facts)?;
        Ok(())
    })
}

fn what_is(trace: &Trace<'_>, address: u64, subject: &Subject) -> WhatisFacts {
    let facts = |kind, what, block| WhatisFacts {
        schema: "mcrx.whatis/1",
        subject: subject.facts(),
        address: format!("{address:#x}"),
        kind,
        what,
        block,
        shared: SharedFacts::at(address, subject),
    };
    if let Some((number, offset)) = trace.blocks.at(address) {
        let Some(block) = trace.blocks.get(number) else { return facts("nothing", String::new(), None) };
        let object = trace.marked.object_at(trace.model, block.len, number, offset);
        let what = names::place(trace, Node(number), offset);
        if trace.blocks.is_area(number) {
            return facts("mapped", what, None);
        }
        let block = BlockFacts {
            address: format!("{:#x}", block.address),
            bytes: block.requested,
            offset,
            ty: object.map(|object| trace.model.name(object.ty)),
            path: object.map(|object| trace.model.path(object.ty, object.within)),
            site: names::site(trace, block.site),
            reachable: trace.graph.is_reached(Node(number)),
            pinned: trace.graph.is_pinned(number),
        };
        return facts("block", what, Some(block));
    }
    if let Some((node, offset)) = root_at(trace, address) {
        return facts("root", names::place(trace, node, offset), None);
    }
    let module = trace.process.module_at(address);
    let mapping = trace.process.mapping_at(address);
    match (module, mapping) {
        (Some(_), Some(mapping)) if mapping.permissions.execute => {
            facts("function", names::code(trace, address), None)
        }
        (Some(module), Some(mapping)) => {
            let what = format!("data of {} ({})", module.path.display(), mapping.permissions);
            facts("mapped", what, None)
        }
        _ if matches!(trace.known.heap.classify(address), mcrx_allocator::reader::Place::Free) => {
            facts("freed", "the allocator's: a freed block, or none yet".to_owned(), None)
        }
        (_, Some(mapping)) => facts("mapped", format!("memory ({})", mapping.permissions), None),
        (_, None) => facts("nothing", "nothing is mapped there".to_owned(), None),
    }
}

/// The root that holds an address; the innermost one, where they overlap.
fn root_at(trace: &Trace<'_>, address: u64) -> Option<(Node, u64)> {
    let holds = |node: &Node| {
        let root = trace.graph.root(*node).and_then(|root| trace.roots.get(root));
        root.is_some_and(|root| {
            root.address != 0 && root.address <= address && address < root.address + root.len
        })
    };
    let node = trace.graph.roots().find(holds)?;
    let root = trace.roots.get(trace.graph.root(node)?)?;
    Some((node, address - root.address))
}

/// The block or variable at an address.
fn node_at(trace: &Trace<'_>, address: u64) -> Result<Node> {
    let block = trace.blocks.at(address).map(|(block, _)| Node(block));
    let node = block.or_else(|| root_at(trace, address).map(|(node, _)| node));
    node.ok_or_else(|| {
        let what = "is neither in a live block nor in a variable: mcrx whatis says what it is";
        Failure::Usage(format!("{address:#x} {what}")).into()
    })
}

fn pointer(trace: &Trace<'_>, from: Node, edge: &Edge) -> PointerFacts {
    PointerFacts {
        from: names::place(trace, from, edge.offset),
        kind: match edge.kind {
            Kind::Precise => "precise",
            Kind::PastEnd => "past the end",
            Kind::Opaque => "opaque",
            Kind::Likely => "likely",
            Kind::Disagreeing => "disagreeing",
        },
        to: names::place(trace, edge.to, edge.to_offset),
    }
}

pub(crate) fn why(args: &WhyArgs, output: &Output) -> Result<()> {
    let address = names::address(&args.asked.address)?;
    let subject = Subject::open(&args.asked.which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let node = node_at(trace, address)?;
        let steps = trace.graph.path_to(node);
        let facts = PointersFacts {
            schema: "mcrx.why/1",
            subject: subject.facts(),
            address: format!("{address:#x}"),
            pointers: steps.iter().map(|step| pointer(trace, step.node, &step.edge)).collect(),
        };
        output.facts(&facts)?;
        if trace.graph.is_start(node) {
            output.line(format_args!("{} is a root itself", names::place(trace, node, 0)))?;
            return Ok(());
        }
        if steps.is_empty() {
            return Err(Failure::Finding(format!("no root leads to {address:#x}: it is leaked")).into());
        }
        for PointerFacts { from, kind, to } in &facts.pointers {
            output.line(format_args!("{from}\n  -> ({kind}) {to}"))?;
        }
        output.line(format_args!("\nNext: mcrx refs {} {address:#x}", subject.named(&args.asked.which)))?;
        Ok(())
    })
}

pub(crate) fn refs(args: &RefsArgs, output: &Output) -> Result<()> {
    let address = names::address(&args.asked.address)?;
    let subject = Subject::open(&args.asked.which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let node = node_at(trace, address)?;
        let facts = PointersFacts {
            schema: "mcrx.refs/1",
            subject: subject.facts(),
            address: format!("{address:#x}"),
            pointers: trace.graph.refs(node).map(|(from, edge)| pointer(trace, from, &edge)).collect(),
        };
        output.line(format_args!("{} pointers to {}", facts.pointers.len(), names::place(trace, node, 0)))?;
        for PointerFacts { from, kind, to } in &facts.pointers {
            output.line(format_args!("  ({kind}) {from}  ->  {to}"))?;
        }
        output.line(format_args!("\nNext: mcrx why {} {address:#x}", subject.named(&args.asked.which)))?;
        output.facts(&facts)?;
        Ok(())
    })
}
