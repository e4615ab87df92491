//! Call stacks with the lines of source that they come from.

use crate::output::PathFact;
use mcrx_allocator::reader::SiteKey;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::table::Address;
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Frame {
    /// The function that the call is in, and how far in its return address is.
    function: Option<String>,
    function_offset: Option<u64>,
    /// The program or library.
    file: Option<PathFact>,
    /// Bytes from the start of that to the return address; without one, the address.
    offset: u64,
    /// Where the call is written, as the compiler was told of the file.
    source: Option<String>,
    line: Option<u32>,
}

impl Frame {
    /// In no file that is loaded.
    fn unknown(offset: u64) -> Frame {
        Frame { function: None, function_offset: None, file: None, offset, source: None, line: None }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match (&self.function, self.function_offset) {
            (Some(function), Some(offset)) => write!(out, "{function}+{offset:#x}")?,
            _ => write!(out, "{:#x}", self.offset)?,
        }
        match (&self.source, self.line, &self.file) {
            (Some(source), Some(line), _) => write!(out, " at {}:{line}", name(Path::new(source))),
            (_, _, Some(file)) => write!(out, " ({})", name(&file.0)),
            _ => Ok(()),
        }
    }
}

/// A call stack on one line.
pub(super) fn described(frames: &[Frame]) -> String {
    let names: Vec<String> = frames.iter().map(ToString::to_string).collect();
    if names.is_empty() { "(not recorded)".to_owned() } else { names.join(" < ") }
}

/// The source of a traced process's modules. What is asked about is read.
pub(super) struct Sources<'t> {
    trace: &'t Trace<'t>,
    /// By the number of the module. `None`: its debug info says nothing.
    lines: FxHashMap<usize, Option<Lines<'t>>>,
}

impl<'t> Sources<'t> {
    pub(super) fn of(trace: &'t Trace<'t>) -> Sources<'t> {
        Sources { trace, lines: FxHashMap::default() }
    }

    /// The calls of a site, innermost first.
    pub(super) fn frames(&mut self, site: Option<SiteKey>) -> Vec<Frame> {
        let site = site.and_then(|key| self.trace.known.sites.get(key));
        let frames = site.into_iter().flat_map(|site| site.frames());
        let process = self.trace.process;
        let described = |frame: mcrx_allocator::reader::Frame<'_>| match process.frame_address(&frame) {
            Some(address) => self.frame(address),
            None => Frame::unknown(frame.offset),
        };
        frames.map(described).collect()
    }

    fn frame(&mut self, address: u64) -> Frame {
        let process = self.trace.process;
        let function = self.trace.known.debug.function(process, address);
        let index = process.modules.iter().position(|module| module.range.contains(&address));
        let module = index.and_then(|index| process.modules.get(index));
        let mut frame = Frame {
            function: function.map(|(name, _)| name.to_owned()),
            function_offset: function.map(|(_, offset)| offset),
            file: module.map(|module| PathFact(PathBuf::from(&module.path))),
            offset: module.map_or(address, |module| address - module.range.start),
            source: None,
            line: None,
        };
        // The call is what comes before the place that it returns to.
        let call = module.map(|module| Address(module.linked(address.wrapping_sub(1))));
        if let Some((index, call)) = index.zip(call)
            && let Some(lines) = self.lines(index)
            && let Ok(Some(place)) = lines.place(call)
        {
            frame.source = place.file.map(str::to_owned);
            frame.line = (place.line > 0).then_some(place.line);
        }
        frame
    }

    fn lines(&mut self, module: usize) -> Option<&Lines<'t>> {
        let trace = self.trace;
        let read = || {
            let described = trace.known.debug.modules.get(module)?;
            let dwarf = described.binary.as_ref()?.dwarf().ok()?;
            Lines::new(&dwarf).ok()
        };
        self.lines.entry(module).or_insert_with(read).as_ref()
    }
}
