//! A file as items and blocks of items, with what stands between them that matters: comments, empty lines.

use super::spacing::{Part, are_joined};
use crate::syntax::{Node, SyntaxKind as K, Token};
use rowan::NodeOrToken;

/// The statements of a file, or the items of a block, and comments between them.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// A comment on the line of the opening brace.
    pub(super) head: Option<String>,
    pub(super) entries: Vec<Entry>,
}

/// A line or more of their own.
#[derive(Debug)]
pub(super) struct Entry {
    /// An empty line stands above.
    pub(super) is_apart: bool,
    /// None: a comment alone.
    pub(super) item: Option<Item>,
    /// What stands behind the item.
    pub(super) comment: Option<String>,
}

/// A statement, or an item of a block.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: K,
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug)]
pub(super) enum Piece {
    Word(Word),
    Comment { text: String, has_own_line: bool },
    Block(Block),
}

/// A token.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: String,
    /// No space before it.
    pub(super) is_joined: bool,
    pub(super) kind: K,
    /// The operator that is put below those of neighbouring items.
    pub(super) is_aligned: bool,
    /// A line may end behind it.
    pub(super) may_end: bool,
}

/// `{ … }`
#[derive(Debug)]
pub(super) struct Block {
    pub(super) sheet: Sheet,
    /// All of it on one line, if it was written so.
    pub(super) inline: Option<String>,
}

pub(super) fn of_file(tree: &Node) -> Sheet {
    sheet(tree)
}

fn sheet(node: &Node) -> Sheet {
    let mut sheet = Sheet::default();
    let mut newlines = 0;
    for element in node.children_with_tokens() {
        // Nothing is apart from the beginning.
        let is_apart = newlines > 1 && !sheet.entries.is_empty();
        match element {
            NodeOrToken::Node(node) => {
                sheet.entries.push(Entry { is_apart, item: Some(item(&node)), comment: None });
                newlines = 0;
            }
            NodeOrToken::Token(token) if token.kind() == K::Whitespace => {
                newlines += token.text().matches('\n').count();
            }
            NodeOrToken::Token(token) if token.kind() == K::Comment => {
                let text = token.text().trim_end().to_owned();
                match sheet.entries.last_mut() {
                    Some(last) if newlines == 0 => last.comment = Some(text),
                    None if newlines == 0 && node.kind() == K::Block => sheet.head = Some(text),
                    _ => sheet.entries.push(Entry { is_apart, item: None, comment: Some(text) }),
                }
                newlines = 0;
            }
            // Braces, and separators that are not needed.
            NodeOrToken::Token(_) => {}
        }
    }
    sheet
}

fn item(node: &Node) -> Item {
    let mut item = Item { kind: node.kind(), pieces: Vec::new() };
    let mut state = State { before: None, newlines: 0, has_operator: !is_aligned(node.kind()) };
    fill(node, node, &mut item.pieces, &mut state);
    item
}

struct State {
    before: Option<Part>,
    newlines: usize,
    /// The operator that is aligned has been there.
    has_operator: bool,
}

fn fill(node: &Node, item: &Node, pieces: &mut Vec<Piece>, state: &mut State) {
    for element in node.children_with_tokens() {
        match element {
            NodeOrToken::Node(child) if child.kind() == K::Block => {
                pieces.push(Piece::Block(block(&child, node.kind())));
                state.before = Some(Part { kind: K::CloseBrace, of: K::Block });
                state.newlines = 0;
            }
            NodeOrToken::Node(child) => fill(&child, item, pieces, state),
            NodeOrToken::Token(token) => match token.kind() {
                K::Whitespace => state.newlines += token.text().matches('\n').count(),
                K::Comment => {
                    let text = token.text().trim_end().to_owned();
                    pieces.push(Piece::Comment { text, has_own_line: state.newlines > 0 });
                    state.newlines = 0;
                }
                _ => {
                    let is_own = node == item;
                    pieces.push(Piece::Word(word(&token, node.kind(), is_own, state)));
                }
            },
        }
    }
}

fn word(token: &Token, of: K, is_own: bool, state: &mut State) -> Word {
    let part = Part { kind: token.kind(), of };
    let is_joined = state.before.is_none_or(|before| are_joined(before, part));
    let is_operator = matches!(part.kind, K::Equal | K::Arrow | K::FatArrow | K::Colon);
    let is_aligned = is_own && is_operator && !state.has_operator;
    state.has_operator |= is_aligned;
    state.before = Some(part);
    state.newlines = 0;
    let is_between = matches!(of, K::BinaryExpression | K::ConditionalExpression | K::ElseExpression);
    let may_end = part.kind == K::Comma || is_between;
    Word { text: token.text().to_owned(), is_joined, kind: part.kind, is_aligned, may_end }
}

/// Whether operators of such items are put below each other.
fn is_aligned(kind: K) -> bool {
    !matches!(kind, K::TypeChange | K::Given | K::Expect | K::Role | K::ForEach)
}

fn block(node: &Node, of: K) -> Block {
    let sheet = sheet(node);
    let is_one_line = !node.descendants_with_tokens().any(|element| match element {
        NodeOrToken::Token(token) => {
            token.kind() == K::Comment || token.kind() == K::Whitespace && token.text().contains('\n')
        }
        NodeOrToken::Node(_) => false,
    });
    let is_empty = sheet.entries.is_empty() && sheet.head.is_none();
    let inline = if is_one_line || is_empty { inline(&sheet, of) } else { None };
    Block { sheet, inline }
}

/// Several items on one line are for lists of values; what is done stands line by line.
fn inline(sheet: &Sheet, of: K) -> Option<String> {
    let is_list = matches!(
        of,
        K::Variant | K::Slab | K::Container | K::MatchReading | K::MatchExpression | K::SlabMatch | K::Object
    );
    if sheet.entries.is_empty() {
        return Some("{}".to_owned());
    }
    if sheet.entries.len() > 1 && !is_list {
        return None;
    }
    let items: Option<Vec<String>> =
        sheet.entries.iter().map(|entry| entry.item.as_ref().and_then(inline_item)).collect();
    let text = format!("{{ {} }}", items?.join(", "));
    (text.chars().count() <= super::WIDTH).then_some(text)
}

fn inline_item(item: &Item) -> Option<String> {
    let mut text = String::new();
    for piece in &item.pieces {
        match piece {
            Piece::Word(word) => {
                if !word.is_joined {
                    text.push(' ');
                }
                text.push_str(&word.text);
            }
            Piece::Block(block) => {
                text.push(' ');
                text.push_str(block.inline.as_deref()?);
            }
            Piece::Comment { .. } => return None,
        }
    }
    Some(text)
}
