//! A C program in the making, with the type of every allocation known by the line it is on.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What a line allocates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    /// As [`crate::spelled`] spells it; `None`: bytes, or anything.
    pub(crate) ty: Option<String>,
    /// Which idiom it stands for.
    pub(crate) idiom: &'static str,
}

/// Lines, and what they allocate.
#[derive(Debug, Default)]
pub(crate) struct Program {
    text: String,
    lines: u32,
    truths: BTreeMap<u32, Truth>,
}

impl Program {
    pub(crate) fn new() -> Program {
        Program::default()
    }

    /// Adds source. Where a line has `@` at its end, it allocates what `truth` says; its last `@` goes.
    pub(crate) fn add(&mut self, idiom: &'static str, truth: Option<&str>, source: &str) {
        self.add_of(idiom, &[truth], source);
    }

    /// The same, with a truth of its own for each line that has `@` at its end, in order; the last one stands for all that follow.
    pub(crate) fn add_of(&mut self, idiom: &'static str, truths: &[Option<&str>], source: &str) {
        let mut next = truths.iter().copied();
        let mut truth = None;
        for line in source.lines() {
            self.lines += 1;
            let line = match line.strip_suffix('@') {
                Some(line) => {
                    truth = next.next().unwrap_or(truth);
                    let ty = truth.map(ToOwned::to_owned);
                    self.truths.insert(self.lines, Truth { ty, idiom });
                    line
                }
                None => line,
            };
            writeln!(self.text, "{}", line.trim_end()).expect("a string takes all text");
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn truth(&self, line: u32) -> Option<&Truth> {
        self.truths.get(&line)
    }

    pub(crate) fn truths(&self) -> impl Iterator<Item = (u32, &Truth)> {
        self.truths.iter().map(|(line, truth)| (*line, truth))
    }
}
