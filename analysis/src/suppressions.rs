//! Leaks that are known and not to be told of, in LeakSanitizer's format: a line for each, `leak:` and a template.
//!
//! ```text
//!   # OpenSSL keeps this for ever
//!   leak:OPENSSL_init
//!   leak:^make_node$
//!   leak:lib*crypto.so
//! ```
//!
//! A template is looked for in the function, the source file and the program or library of each call of the stack. `*` stands for anything, `^` at
//! its beginning for the beginning, `$` at its end for the end. Our stacks end with the call that decides what is made, so what further callers are
//! called does not matter.

use crate::sources::Frame;

/// The lines of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suppressions {
    list: Vec<Suppression>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// As it was written, without `leak:`.
    pub template: String,
    /// The line that it is in, from 1.
    pub line: usize,
    /// Blocks and bytes that it has held back.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: `{text}` is no suppression: write leak:FUNCTION, leak:FILE or leak:LIBRARY, with # before a comment"
)]
pub struct BadLine {
    /// From 1.
    pub line: usize,
    /// What is there.
    pub text: String,
}

impl Suppressions {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that is neither empty, nor a comment, nor a suppression of leaks.
    pub fn parse(text: &str) -> Result<Suppressions, BadLine> {
        let mut list = Vec::new();
        for (text, line) in text.lines().zip(1..) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match text.strip_prefix("leak:").map(str::trim) {
                Some(template) if !template.is_empty() => {
                    list.push(Suppression { template: template.to_owned(), line, blocks: 0, bytes: 0 });
                }
                _ => return Err(BadLine { line, text: text.to_owned() }),
            }
        }
        Ok(Suppressions { list })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first one that fits a stack: its place.
    pub fn fitting(&self, frames: &[Frame]) -> Option<usize> {
        let is_named = |template: &str| {
            let names = frames.iter().flat_map(|frame| [&frame.function, &frame.source, &frame.file]);
            names.flatten().any(|name| matches(template, name))
        };
        self.list.iter().position(|suppression| is_named(&suppression.template))
    }

    /// Counts a block that the suppression at a place has held back.
    pub fn count(&mut self, place: usize, bytes: u64) {
        if let Some(found) = self.list.get_mut(place) {
            found.blocks += 1;
            found.bytes += bytes;
        }
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Suppression> {
        self.list.iter()
    }
}

/// Whether a template is in a name.
fn matches(template: &str, name: &str) -> bool {
    let (is_start, template) = match template.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, template),
    };
    let (is_end, template) = match template.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, template),
    };
    let mut parts: Vec<&str> = template.split('*').collect();
    let mut rest = name;
    if is_start {
        match rest.strip_prefix(parts.remove(0)) {
            Some(after) => rest = after,
            None => return false,
        }
        // Nothing but that one part, and it must reach the end.
        if parts.is_empty() {
            return !is_end || rest.is_empty();
        }
    }
    let last = if is_end { parts.pop() } else { None };
    for part in parts {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    last.is_none_or(|last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(function: &str, file: &str) -> Frame {
        Frame {
            function: Some(function.to_owned()),
            function_offset: None,
            file: Some(file.to_owned()),
            offset: 0,
            source: None,
            line: None,
            build_id: None,
        }
    }

    #[test]
    fn comments_and_empty_lines_are_none_and_other_words_are_refused() {
        let read = Suppressions::parse("# known\n\n  leak: make_node \nleak:lib*.so\n").unwrap();
        let lines: Vec<(&str, usize)> = read.iter().map(|one| (one.template.as_str(), one.line)).collect();
        assert_eq!(lines, [("make_node", 3), ("lib*.so", 4)]);
        for bad in ["race:make_node", "leak:", "make_node"] {
            let error = Suppressions::parse(&format!("leak:a\n{bad}")).unwrap_err();
            assert_eq!((error.line, error.text.as_str()), (2, bad));
        }
    }

    #[test]
    fn a_stack_is_known_by_any_of_its_calls() {
        let mut known = Suppressions::parse("leak:nowhere\nleak:^make_node$\nleak:libcrypto.so").unwrap();
        let stack = [frame("zmalloc", "/bin/server"), frame("make_node", "/bin/server")];
        assert_eq!(known.fitting(&stack), Some(1));
        assert_eq!(known.fitting(&[frame("new", "/usr/lib/libcrypto.so.3")]), Some(2));
        assert_eq!(known.fitting(&[frame("make_nodes", "/bin/server")]), None);
        known.count(1, 30);
        assert_eq!(
            known.iter().map(|one| (one.blocks, one.bytes)).collect::<Vec<_>>(),
            [(0, 0), (1, 30), (0, 0)]
        );
    }

    /// The same by trying every way.
    fn matches_slowly(template: &[char], name: &[char], is_end: bool) -> bool {
        match template.split_first() {
            None => !is_end || name.is_empty(),
            Some(('*', rest)) => {
                (0..=name.len()).any(|skipped| matches_slowly(rest, &name[skipped..], is_end))
            }
            Some((letter, rest)) => name.first() == Some(letter) && matches_slowly(rest, &name[1..], is_end),
        }
    }

    proptest! {
        #[test]
        fn a_template_fits_what_every_way_of_trying_finds(template in "\\^?[ab*]{0,6}\\$?", name in "[ab]{0,8}") {
            let plain = template.trim_start_matches('^').trim_end_matches('$');
            let letters: Vec<char> = plain.chars().collect();
            let letters = if template.starts_with('^') { letters } else { [vec!['*'], letters].concat() };
            let name_letters: Vec<char> = name.chars().collect();
            let expected = matches_slowly(&letters, &name_letters, template.ends_with('$'));
            prop_assert_eq!(matches(&template, &name), expected);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Suppressions::parse(&text);
        }
    }
}
