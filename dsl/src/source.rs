//! Rule files, and places in them.
//!
//! What it does not do: read files. Who parses says how ([`Load`]), so that tests and editors have theirs in memory.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// One of some [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Its first byte.
    pub start: u32,
    /// One past its last.
    pub end: u32,
}

impl Span {
    /// From the beginning of one to the end of another of the same file.
    pub fn to(self, end: Span) -> Span {
        Span { end: end.end.max(self.start), ..self }
    }

    /// As a range of indices into the file's text.
    pub fn range(self) -> Range<usize> {
        let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        index(self.start)..index(self.end)
    }
}

/// Something, and where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// What.
    pub is: T,
    /// Where.
    pub span: Span,
}

impl<T> At<T> {
    /// The same place for something else.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> At<U> {
        At { is: map(self.is), span: self.span }
    }
}

/// A line and a column, both from 1, as editors count them; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// A rule file and those that it imports.
#[derive(Debug, Default)]
pub struct Files {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<u32>,
}

impl Files {
    /// One more. `None`: it is 4 GiB long, or longer.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: String) -> Option<FileId> {
        u32::try_from(text.len()).ok()?;
        let ends = (0u32..).zip(text.bytes()).filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let id = FileId(u32::try_from(self.files.len()).ok()?);
        self.files.push(File { path: path.into(), text, lines });
        Some(id)
    }

    /// What a file is called.
    pub fn path(&self, id: FileId) -> &Path {
        self.file(id).map_or(Path::new(""), |file| &file.path)
    }

    /// All of it.
    pub fn text(&self, id: FileId) -> &str {
        self.file(id).map_or("", |file| &file.text)
    }

    /// What is written at a place.
    pub fn at(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or("")
    }

    /// Where a place begins, for people.
    pub fn position(&self, span: Span) -> Position {
        let Some(file) = self.file(span.file) else { return Position { line: 1, column: 1 } };
        let line = file.lines.partition_point(|start| *start <= span.start).max(1);
        let start = file.lines.get(line - 1).copied().unwrap_or(0);
        let before = file.text.get(Span { start, end: span.start, file: span.file }.range()).unwrap_or("");
        let from_one = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: from_one(line), column: from_one(before.chars().count() + 1) }
    }

    /// All of them, in the order in which they were added.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..u32::try_from(self.files.len()).unwrap_or(0)).map(FileId)
    }

    fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(usize::try_from(id.0).ok()?)
    }
}

/// How imported files are read.
pub trait Load {
    /// The text of a file. The error is for people: what is wrong with the file, without its name.
    fn load(&self, path: &Path) -> Result<String, String>;
}

/// Reads them from the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct FromDisk;

impl Load for FromDisk {
    fn load(&self, path: &Path) -> Result<String, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
    }
}

/// One text that stands for every file: of rules that import nothing.
#[derive(Debug, Clone, Copy)]
pub struct Only<'t>(pub &'t str);

impl Load for Only<'_> {
    fn load(&self, _: &Path) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_line_and_column_that_an_editor_shows() {
        let mut files = Files::default();
        let file = files.add("rules.mcrx", "a\näb c\n\nd".to_owned()).unwrap();
        let position = |start| {
            let Position { line, column } = files.position(Span { file, start, end: start });
            (line, column)
        };
        assert_eq!(
            [0, 1, 2, 4, 5, 7, 8, 9].map(position),
            [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 5), (3, 1), (4, 1)]
        );
    }
}
