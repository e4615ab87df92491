//! Call stacks with the lines of source that they come from.

use mcrx_allocator::reader::SiteKey;
use mcrx_debuginfo::file::BuildId;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::table::Address;
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function that the call is in, and how far in its return address is.
    pub function: Option<String>,
    /// Bytes from the start of that function to the return address.
    pub function_offset: Option<u64>,
    /// The program or library.
    pub file: Option<String>,
    /// Bytes from the start of that to the return address; without one, the address.
    pub offset: u64,
    /// Where the call is written, as the compiler was told of the file.
    pub source: Option<String>,
    /// The line there.
    pub line: Option<u32>,
    /// Which build of the program or library it is.
    #[serde(skip)]
    pub build_id: Option<BuildId>,
}

impl Frame {
    /// What names the call in another snapshot: of a build that is in both its place, of others its function, since files may be called
    /// otherwise from release to release.
    pub fn key(&self, in_both: &BTreeSet<BuildId>) -> String {
        match (&self.build_id, &self.function) {
            (Some(build), Some(function)) if !in_both.contains(build) => function.clone(),
            _ => format!("{}+{:#x}", self.file.as_deref().map_or("", file_name), self.offset),
        }
    }

    /// In no file that is loaded.
    fn unknown(offset: u64) -> Frame {
        Frame {
            function: None,
            function_offset: None,
            file: None,
            offset,
            source: None,
            line: None,
            build_id: None,
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, self.function_offset) {
            (Some(function), Some(offset)) => write!(out, "{function}+{offset:#x}")?,
            _ => write!(out, "{:#x}", self.offset)?,
        }
        match (&self.source, self.line, &self.file) {
            (Some(source), Some(line), _) => write!(out, " at {}:{line}", file_name(source)),
            (_, _, Some(file)) => write!(out, " ({})", file_name(file)),
            _ => Ok(()),
        }
    }
}

/// What comes after the last slash.
fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A call stack on one line.
pub fn described(frames: &[Frame]) -> String {
    let names: Vec<String> = frames.iter().map(ToString::to_string).collect();
    if names.is_empty() { "(not recorded)".to_owned() } else { names.join(" < ") }
}

/// The source of a traced process's modules. What is asked about is read.
pub struct Sources<'t> {
    trace: &'t Trace<'t>,
    /// By the number of the module. `None`: its debug info says nothing.
    lines: FxHashMap<usize, Option<Lines<'t>>>,
}

impl<'t> Sources<'t> {
    /// Of this process.
    pub fn of(trace: &'t Trace<'t>) -> Sources<'t> {
        Sources { trace, lines: FxHashMap::default() }
    }

    /// The calls of a site, innermost first.
    pub fn frames(&mut self, site: Option<SiteKey>) -> Vec<Frame> {
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
            file: module.map(|module| module.path.to_string_lossy().into_owned()),
            offset: module.map_or(address, |module| address - module.range.start),
            source: None,
            line: None,
            build_id: module.and_then(|module| module.build_id),
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
