//! Names for objects of a trace, as a person would write them.

use anyhow::Result;
use mcrx_allocator::reader::SiteKey;
use mcrx_tracer::graph::Node;
use mcrx_tracer::trace::Trace;

use crate::exit::Failure;

/// A word in hexadecimal with `0x`, or in decimal.
pub(crate) fn address(text: &str) -> Result<u64> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| Failure::Usage(format!("{text} is no address: 0x7f12... or a decimal number")).into())
}

/// The call stack that made a block, innermost first.
pub(crate) fn site(trace: &Trace<'_>, key: Option<SiteKey>) -> String {
    let site = key.and_then(|key| trace.known.sites.get(key));
    let frames = site.into_iter().flat_map(|site| site.frames());
    let name = |frame: mcrx_allocator::reader::Frame<'_>| match trace.process.frame_address(&frame) {
        Some(address) => code(trace, address),
        None if frame.module.is_none() => format!("{:#x}", frame.offset),
        None => format!("(not loaded)+{:#x}", frame.offset),
    };
    let names: Vec<String> = frames.map(name).collect();
    if names.is_empty() { "(not recorded)".to_owned() } else { names.join(" < ") }
}

/// A place in code: `function+0x12`, or the module and an offset.
pub(crate) fn code(trace: &Trace<'_>, address: u64) -> String {
    match trace.known.debug.function(trace.process, address) {
        Some((name, 0)) => name.to_owned(),
        Some((name, offset)) => format!("{name}+{offset:#x}"),
        None => match trace.process.module_at(address) {
            Some(module) => {
                let name = module.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{name}+{:#x}", address - module.range.start)
            }
            None => format!("{address:#x}"),
        },
    }
}

/// A place in a node: `ngx_cycle`, `ngx_pool_s at 0x1000..40 .d.next`, `64 bytes at ...`.
pub(crate) fn place(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    if let Some(root) = trace.graph.root(node).and_then(|root| trace.roots.get(root)) {
        let path = match root.ty {
            Some(ty) => trace.model.path(ty, offset),
            None if offset > 0 || root.address != 0 => format!(" at {:#x}", root.address + offset),
            None => String::new(),
        };
        return format!("{}{}{path}", root.kind_name(), root.name);
    }
    let Some((number, block)) =
        trace.graph.block(node).and_then(|number| Some((number, trace.blocks.get(number)?)))
    else {
        return "?".to_owned();
    };
    match trace.marked.object_at(trace.model, block.len, number, offset) {
        Some(object) => {
            let index = if object.index > 0 { format!("[{}]", object.index) } else { String::new() };
            let at = block.address + object.start + object.index * object.stride;
            let path = trace.model.path(object.ty, object.within);
            format!("({} at {at:#x}){index}{path}", trace.model.name(object.ty))
        }
        None if trace.blocks.is_area(number) => {
            let name = trace.blocks.area(number).map_or("memory", |area| &area.name);
            format!("{name} at {:#x}", block.address + offset)
        }
        None => format!("(untyped block of {} bytes at {:#x})+{offset}", block.requested, block.address),
    }
}
