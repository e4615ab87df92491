//! What is printed of one site, and of one wrapper.

use anyhow::Result;
use mcrx_debuginfo::lines::{Lines, SourceFrame};
use mcrx_debuginfo::sites::{Confidence, Evidence, Extent, Landing, Site, Size, Verdict, Wrapper};
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Table, TypeId};
use serde::Serialize;
use std::fmt;

use super::totals::why;

/// A site as JSON; its `Display` is its line of the table.
#[derive(Serialize)]
pub(super) struct SiteFacts {
    /// The return address, as linked.
    address: String,
    /// The call instruction.
    call: String,
    /// `None`: no debug info tells.
    function: Option<String>,
    /// Of the return address, from the function's entry.
    offset: Option<u64>,
    file: Option<String>,
    line: Option<u32>,
    /// Functions inlined around the call, the innermost first, each with the place in it; the last one is `function`.
    frames: Vec<FrameFacts>,
    callee: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<SizeFacts>,
    /// `typed`, `deeper` (the caller decides) or `untyped`.
    verdict: &'static str,
    #[serde(rename = "type")]
    ty: Option<String>,
    /// How many: `exactly`, `array` (as many as there is room for), `at_least_one`.
    #[serde(skip_serializing_if = "Option::is_none")]
    extent: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    /// Why it has no type.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    evidence: Vec<EvidenceFacts>,
    /// Bytes of a wrapper's own header before what is typed.
    header: i64,
}

#[derive(Serialize)]
struct FrameFacts {
    function: String,
    file: Option<String>,
    line: Option<u32>,
}

/// How much is asked for.
#[derive(Serialize)]
struct SizeFacts {
    /// In all.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Of them each.
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// A number that the whole is a multiple of.
    #[serde(skip_serializing_if = "Option::is_none")]
    multiple_of: Option<u64>,
}

#[derive(Serialize)]
struct EvidenceFacts {
    kind: &'static str,
    #[serde(rename = "type")]
    ty: String,
    at: String,
    name: String,
}

/// An allocation function of the program, as JSON and as a line.
#[derive(Serialize)]
pub(super) struct WrapperFacts {
    name: String,
    address: Option<String>,
    /// It jumps to its own allocator and is not on the stack then.
    tail: bool,
}

impl SiteFacts {
    pub(super) fn of(site: Site<'_>, table: &Table, lines: &Lines<'_>) -> Result<SiteFacts> {
        let function = site.function().and_then(|function| table.function(function));
        let entry = function.and_then(|function| function.code()).map(|code| code.0.0);
        let frames: Vec<FrameFacts> = lines.frames(site.call())?.iter().map(FrameFacts::of).collect();
        let spelled = |ty: TypeId| type_name(table.ty(ty), Anonymous::LeftOut);
        let mut facts = SiteFacts {
            address: site.address().to_string(),
            call: site.call().to_string(),
            function: function.map(|function| function.name().to_owned()),
            offset: entry.and_then(|entry| site.address().0.checked_sub(entry)),
            file: frames.first().and_then(|frame| frame.file.clone()),
            line: frames.first().and_then(|frame| frame.line),
            frames,
            callee: site.callee().to_owned(),
            size: SizeFacts::of(site.size()),
            verdict: "untyped",
            ty: None,
            extent: None,
            count: None,
            confidence: None,
            why: None,
            evidence: site.evidence().map(|evidence| EvidenceFacts::of(evidence, spelled)).collect(),
            header: site.offset(),
        };
        match site.verdict() {
            Verdict::Deeper => facts.verdict = "deeper",
            Verdict::Untyped(reason) => facts.why = Some(why(reason).0),
            Verdict::Typed { ty, extent, confidence } => {
                facts.verdict = "typed";
                facts.ty = Some(spelled(ty));
                (facts.extent, facts.count) = match extent {
                    Extent::Exactly(count) => (Some("exactly"), Some(count)),
                    Extent::Array => (Some("array"), None),
                    Extent::AtLeastOne => (Some("at_least_one"), None),
                };
                facts.confidence = Some(match confidence {
                    Confidence::Certain => "certain",
                    Confidence::Probable => "probable",
                });
            }
        }
        Ok(facts)
    }
}

impl FrameFacts {
    fn of(frame: &SourceFrame<'_>) -> FrameFacts {
        FrameFacts {
            function: frame.function.as_deref().unwrap_or("?").to_owned(),
            file: frame.place.file.map(ToOwned::to_owned),
            line: (frame.place.line != 0).then_some(frame.place.line),
        }
    }
}

impl SizeFacts {
    fn of(size: Size) -> Option<SizeFacts> {
        let none = SizeFacts { bytes: None, element: None, count: None, multiple_of: None };
        Some(match size {
            Size::Unknown => return None,
            Size::Bytes(bytes) => SizeFacts { bytes: Some(bytes), ..none },
            Size::Elements { count, size } => {
                let bytes = count.and_then(|count| count.checked_mul(size));
                SizeFacts { bytes, element: Some(size), count, ..none }
            }
            Size::MultipleOf(number) => SizeFacts { multiple_of: Some(number), ..none },
        })
    }
}

impl EvidenceFacts {
    fn of(evidence: Evidence<'_>, spelled: impl Fn(TypeId) -> String) -> EvidenceFacts {
        let kind = match evidence.landing {
            Landing::Variable => "variable",
            Landing::Member => "member",
            Landing::Global => "global",
            Landing::Returned => "returned",
            Landing::Source => "source",
            Landing::Inlined => "inlined",
            Landing::Argument => "argument",
            Landing::Resized => "resized",
        };
        let (at, name) = (evidence.at.to_string(), evidence.name.to_owned());
        EvidenceFacts { kind, ty: spelled(evidence.ty), at, name }
    }
}

impl WrapperFacts {
    pub(super) fn of(wrapper: Wrapper<'_>) -> WrapperFacts {
        let address = wrapper.code().next().map(|(start, _)| start.to_string());
        WrapperFacts { name: wrapper.name().to_owned(), address, tail: wrapper.is_tail() }
    }
}

impl fmt::Display for SiteFacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match (&self.ty, self.why, self.count) {
            (Some(ty), _, Some(count @ 2..)) => format!("{ty} [{count}]"),
            (Some(ty), ..) if self.extent == Some("array") => format!("{ty} []"),
            (Some(ty), ..) => ty.clone(),
            (None, Some(why), _) => format!("- ({})", why.replace('_', " ")),
            (None, None, _) => "- (the caller decides)".to_owned(),
        };
        let mut site = match (&self.function, self.offset) {
            (Some(function), Some(offset)) => format!("{function}+{offset:#x}"),
            _ => self.address.clone(),
        };
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            let file = file.rsplit('/').next().unwrap_or(file);
            site.push_str(&format!(" {file}:{line}"));
        }
        write!(out, "{shown:<36} {site:<52} ")?;
        if self.evidence.is_empty() {
            return out.write_str(&self.callee);
        }
        write!(out, "{:<24}", self.callee)?;
        let mut separator = " ";
        for evidence in &self.evidence {
            write!(out, "{separator}{}", evidence.kind)?;
            if !evidence.name.is_empty() && evidence.kind != "source" {
                write!(out, " {}", evidence.name)?;
            }
            // Which type a place speaks for is the verdict's, but where they disagree.
            if self.ty.is_none() {
                write!(out, " ({})", evidence.ty)?;
            }
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for WrapperFacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}
