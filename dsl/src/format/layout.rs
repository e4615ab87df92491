//! Items to lines.
//!
//! Lines are filled greedily: where a line may end, it does if what follows up to the next such place would not fit. What is decided
//! depends only on what is the same in the result, so that the result is not changed by being formatted again.

use super::sheet::{Block, Entry, Item, Piece, Sheet, Word};
use super::{INDENT, WIDTH};
use crate::syntax::SyntaxKind as K;

/// What is before operators that are put below each other is no longer than this.
const LONGEST_ALIGNED: usize = 40;

/// Lines that go on are indented no further than this, if by brackets or operators.
const FARTHEST: usize = 70;

/// By how much comments behind neighbouring lines may be moved to stand below each other.
const FARTHEST_COMMENT: usize = 40;

/// All lines of a file.
pub(super) fn lines(sheet: &Sheet) -> String {
    let mut lines = Vec::new();
    entries(sheet, 0, &mut lines);
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A comment that is to stand behind a line.
struct Behind<'s> {
    line: usize,
    text: &'s str,
    /// The entry above is on one line with a comment too, and so is this one.
    goes_on: bool,
}

fn entries(sheet: &Sheet, indent: usize, lines: &mut Vec<String>) {
    let mut behind: Vec<Behind<'_>> = Vec::new();
    let mut paddings = paddings(&sheet.entries).into_iter();
    let mut was_single = false;
    for entry in &sheet.entries {
        if entry.is_apart {
            lines.push(String::new());
        }
        let padding = paddings.next().unwrap_or(0);
        let first = lines.len();
        let Some(item) = &entry.item else {
            lines.push(format!("{:indent$}{}", "", entry.comment.as_deref().unwrap_or("")));
            was_single = false;
            continue;
        };
        let mut writer = Writer::new(indent, padding);
        writer.item(item);
        lines.append(&mut writer.lines);
        let is_single = lines.len() == first + 1;
        if let Some(text) = &entry.comment {
            let goes_on = is_single && was_single && !entry.is_apart;
            behind.push(Behind { line: lines.len().saturating_sub(1), text, goes_on });
        }
        was_single = is_single && entry.comment.is_some();
    }
    put_behind(&behind, lines);
}

/// Puts comments behind their lines, those of neighbouring lines below each other.
fn put_behind(behind: &[Behind<'_>], lines: &mut [String]) {
    let mut rest = behind;
    while let Some((_, others)) = rest.split_first() {
        let count = 1 + others.iter().take_while(|comment| comment.goes_on).count();
        let (run, after) = rest.split_at(count);
        let widths = || run.iter().filter_map(|comment| lines.get(comment.line)).map(|line| width(line));
        let (most, least) = (widths().max().unwrap_or(0), widths().min().unwrap_or(0));
        for comment in run {
            let Some(line) = lines.get_mut(comment.line) else {
                continue;
            };
            let padding = if most - least <= FARTHEST_COMMENT { most - width(line) } else { 0 };
            line.push_str(&format!("{:padding$}  {}", "", comment.text));
        }
        rest = after;
    }
}

/// How many spaces more stand before each entry's operator.
fn paddings(entries: &[Entry]) -> Vec<usize> {
    let mut paddings = Vec::with_capacity(entries.len());
    let mut rest = entries;
    while !rest.is_empty() {
        let goes_on =
            rest.iter().zip(rest.iter().skip(1)).take_while(|(one, next)| are_aligned(one, next)).count();
        let (run, after) = rest.split_at(goes_on + 1);
        let lefts = || run.iter().map(|entry| entry.item.as_ref().and_then(left));
        let most = lefts().flatten().max().unwrap_or(0);
        paddings.extend(lefts().map(|left| left.map_or(0, |left| most - left)));
        rest = after;
    }
    paddings
}

/// Whether the operators of neighbouring entries are put below each other.
fn are_aligned(one: &Entry, next: &Entry) -> bool {
    let (Some(item), Some(other)) = (&one.item, &next.item) else {
        return false;
    };
    let is_assignment = |item: &Item| matches!(item.kind, K::SetItem | K::RenameItem);
    let is_change = |item: &Item| {
        matches!(item.kind, K::GlobalChange | K::FunctionChange | K::TextChange | K::Define | K::Assert)
    };
    let are_alike = item.kind == other.kind || !is_change(item) && !is_change(other);
    let is_last = item.pieces.iter().any(|piece| !matches!(piece, Piece::Word(_)));
    !next.is_apart
        && !is_last
        && left(item).is_some()
        && left(other).is_some()
        && (are_alike && operator(item) == operator(other) || is_assignment(item) && is_assignment(other))
}

fn operator(item: &Item) -> Option<K> {
    item.pieces.iter().find_map(|piece| match piece {
        Piece::Word(word) if word.is_aligned => Some(word.kind),
        _ => None,
    })
}

/// How wide what is before the operator is, if that is to be put below others.
fn left(item: &Item) -> Option<usize> {
    let mut left = 0;
    for piece in &item.pieces {
        match piece {
            Piece::Word(word) if word.is_aligned => {
                return (left <= LONGEST_ALIGNED).then_some(left);
            }
            Piece::Word(word) => left += word.width(),
            _ => return None,
        }
    }
    None
}

impl Word {
    /// With the space before it.
    fn width(&self) -> usize {
        width(&self.text) + usize::from(!self.is_joined)
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

struct Writer {
    lines: Vec<String>,
    /// Of the last line.
    column: usize,
    indent: usize,
    padding: usize,
    /// Where lines go on: behind each bracket that is open.
    open: Vec<usize>,
    /// The same outside of brackets: behind the operator or the words that the item begins with.
    hang: Option<usize>,
    /// What the next word has to do with the line.
    next: Next,
}

#[derive(PartialEq, Eq)]
enum Next {
    Begins,
    GoesOn,
    /// On a new line if it does not fit.
    MayBegin,
    /// On a new line.
    Must,
}

impl Writer {
    fn new(indent: usize, padding: usize) -> Writer {
        Writer {
            lines: vec![" ".repeat(indent)],
            column: indent,
            indent,
            padding,
            open: Vec::new(),
            hang: None,
            next: Next::Begins,
        }
    }

    fn put(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.push_str(text);
        }
        self.column += width(text);
    }

    fn begin(&mut self, column: usize) {
        self.lines.push(" ".repeat(column));
        self.column = column;
    }

    /// Where a line begins that goes on with the item.
    fn continuation(&self) -> usize {
        match self.open.last().copied().or(self.hang) {
            Some(column) if column <= FARTHEST => column,
            _ => self.indent + 2 * INDENT,
        }
    }

    fn item(&mut self, item: &Item) {
        let mut rest = item.pieces.as_slice();
        while let Some((piece, after)) = rest.split_first() {
            match piece {
                Piece::Word(word) => self.word(word, rest),
                Piece::Comment { text, has_own_line } => self.comment(text, *has_own_line),
                Piece::Block(block) => self.block(block, after),
            }
            rest = after;
        }
    }

    /// `rest`: from this word on.
    fn word(&mut self, word: &Word, rest: &[Piece]) {
        let is_new = match self.next {
            Next::Must => true,
            Next::MayBegin => self.column + segment(rest) > WIDTH,
            Next::Begins | Next::GoesOn => false,
        };
        if is_new {
            self.begin(self.continuation());
        } else if self.next != Next::Begins && !word.is_joined {
            self.put(" ");
        }
        if word.is_aligned {
            self.put(&" ".repeat(self.padding));
        }
        if self.hang.is_none() && word.kind != K::Keyword {
            self.hang = Some(self.column);
        }
        self.put(&word.text);
        match word.kind {
            _ if word.is_aligned => self.hang = Some(self.column + 1),
            K::OpenParen | K::OpenBracket => self.open.push(self.column),
            K::CloseParen | K::CloseBracket => {
                self.open.pop();
            }
            _ => {}
        }
        self.next = if word.may_end { Next::MayBegin } else { Next::GoesOn };
    }

    fn comment(&mut self, text: &str, has_own_line: bool) {
        if has_own_line || self.next == Next::Must {
            self.begin(self.continuation());
        } else {
            self.put("  ");
        }
        self.put(text);
        self.next = Next::Must;
    }

    /// `rest`: behind it.
    fn block(&mut self, block: &Block, rest: &[Piece]) {
        if self.next == Next::Must {
            self.begin(self.indent);
        } else {
            self.put(" ");
        }
        self.next = Next::GoesOn;
        match &block.inline {
            Some(inline) if self.column + width(inline) + segment(rest) <= WIDTH => {
                return self.put(inline);
            }
            _ => self.put("{"),
        }
        if let Some(comment) = &block.sheet.head {
            self.put("  ");
            self.put(comment);
        }
        entries(&block.sheet, self.indent + INDENT, &mut self.lines);
        self.begin(self.indent);
        self.put("}");
    }
}

/// How wide what comes is, up to where a line may end next.
fn segment(pieces: &[Piece]) -> usize {
    let mut wide = 0;
    for piece in pieces {
        match piece {
            Piece::Word(word) => {
                wide += word.width();
                if word.may_end {
                    break;
                }
            }
            // A block can always be opened.
            Piece::Block(_) => return wide + 2,
            Piece::Comment { .. } => break,
        }
    }
    wide
}
