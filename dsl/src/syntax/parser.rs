//! The parser's hands: it looks at tokens, takes them into the tree, says what was expected, and finds its way on after mistakes.
//!
//! The grammar's functions ([`super::grammar`]) give [`Parsed`]: one that has met what it cannot take has said so, and whoever called it
//! gives up too, until there is somebody who knows where to go on: at the next item of a block, or at the next statement. So there is
//! one message for one mistake.
//!
//! What it does not do: know the grammar, but for where statements begin.

use super::errors;
use super::grammar;
use super::kind::{Node, SyntaxKind, raw};
use super::lexer::{self, Lexeme};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};
use rowan::{Checkpoint, GreenNodeBuilder};
use rustc_hash::FxHashSet;

/// How deep a tree may be: expressions in expressions, and operators in a row. Who walks it may call itself.
pub(super) const DEEPEST: u32 = 128;

/// What it is not has been reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

/// Whether a part of the grammar was there.
pub(super) type Parsed<T = ()> = Result<T, Failed>;

pub(super) struct Parser<'t> {
    text: &'t str,
    file: FileId,
    lexemes: Vec<Lexeme>,
    /// Those that the grammar sees; the last is the end.
    seen: Vec<Seen>,
    /// The next one.
    at: usize,
    /// How many of `lexemes` are in the tree.
    taken: usize,
    builder: GreenNodeBuilder<'static>,
    diagnostics: Vec<Diagnostic>,
    /// Where tokens begin that are wrong by themselves.
    flawed: FxHashSet<u32>,
    /// Words that would have been taken at this token.
    tried: Vec<&'static str>,
    tried_at: usize,
    /// How many parts within parts there are.
    pub(super) depth: u32,
    /// Whether an expression ends with its line: not within brackets.
    pub(super) lines_count: bool,
    /// Whether a `{` after a name begins an object: not where a block follows an expression.
    pub(super) objects: bool,
    /// Of the statement that is being read.
    pub(super) column: u32,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    lexeme: usize,
    kind: SyntaxKind,
    /// There is a line's end before it.
    is_first: bool,
    /// How far right it is, in bytes.
    column: u32,
    /// How far right the first token of its line is.
    indent: u32,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, file: FileId) -> Parser<'t> {
        let lexemes = lexer::lex(text);
        let mut seen = Vec::with_capacity(lexemes.len() / 2 + 1);
        let (mut is_first, mut line, mut indent) = (true, 0, 0);
        for (lexeme, Lexeme { kind, start }) in lexemes.iter().enumerate() {
            if kind.is_trivia() {
                let end = lexemes.get(lexeme + 1).map_or(*start, |next| next.start);
                let newline = piece(text, *start, end).rfind('\n').and_then(|at| u32::try_from(at).ok());
                line = newline.map_or(line, |newline| start + newline + 1);
                is_first |= newline.is_some();
            } else {
                let column = start - line;
                indent = if is_first { column } else { indent };
                seen.push(Seen { lexeme, kind: *kind, is_first, column, indent });
                is_first = false;
            }
        }
        Parser {
            text,
            file,
            lexemes,
            seen,
            at: 0,
            taken: 0,
            builder: GreenNodeBuilder::new(),
            diagnostics: Vec::new(),
            flawed: FxHashSet::default(),
            tried: Vec::new(),
            tried_at: 0,
            depth: 0,
            lines_count: true,
            objects: true,
            column: 0,
        }
    }

    /// Reads all of it.
    pub(super) fn run(mut self) -> (Node, Vec<Diagnostic>) {
        for index in 0..self.lexemes.len() {
            let span = self.lexeme_span(index);
            let Some(Lexeme { kind, .. }) = self.lexemes.get(index) else {
                break;
            };
            let text = piece(self.text, span.start, span.end);
            if let Some(found) = errors::of_token(*kind, text, span, self.text) {
                self.flawed.insert(span.start);
                self.diagnostics.push(found);
            }
        }
        self.builder.start_node(raw(SyntaxKind::File));
        grammar::file(&mut self);
        self.take_trivia(self.lexemes.len());
        self.builder.finish_node();
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        (Node::new_root(self.builder.finish()), self.diagnostics)
    }
}

/// Looking.
impl<'t> Parser<'t> {
    fn nth_seen(&self, ahead: usize) -> Seen {
        let end =
            Seen { lexeme: self.lexemes.len(), kind: SyntaxKind::End, is_first: true, column: 0, indent: 0 };
        self.seen.get(self.at + ahead).copied().unwrap_or(end)
    }

    /// The kind of the next token, or of one further on.
    pub(super) fn nth(&self, ahead: usize) -> SyntaxKind {
        self.nth_seen(ahead).kind
    }

    /// The kind of the next token.
    pub(super) fn kind(&self) -> SyntaxKind {
        self.nth(0)
    }

    pub(super) fn is(&self, kind: SyntaxKind) -> bool {
        self.kind() == kind
    }

    pub(super) fn is_any(&self, kinds: &[SyntaxKind]) -> bool {
        kinds.contains(&self.kind())
    }

    /// The text of a token further on.
    pub(super) fn nth_text(&self, ahead: usize) -> &'t str {
        let span = self.nth_span(ahead);
        piece(self.text, span.start, span.end)
    }

    pub(super) fn text(&self) -> &'t str {
        self.nth_text(0)
    }

    /// Whether a line ends before a token further on.
    pub(super) fn nth_is_first(&self, ahead: usize) -> bool {
        self.nth_seen(ahead).is_first
    }

    pub(super) fn is_first(&self) -> bool {
        self.nth_is_first(0)
    }

    /// Whether nothing is between the token before and this one.
    pub(super) fn nth_is_joined(&self, ahead: usize) -> bool {
        let before = (self.at + ahead).checked_sub(1).and_then(|before| self.seen.get(before));
        before.is_some_and(|before| before.lexeme + 1 == self.nth_seen(ahead).lexeme)
    }

    /// Whether the next token is this word. It is one that could stand here: messages say so.
    pub(super) fn at_word(&mut self, word: &'static str) -> bool {
        if self.tried_at != self.at {
            self.tried.clear();
            self.tried_at = self.at;
        }
        self.tried.push(word);
        self.nth_is_word(0, word)
    }

    /// Whether a token further on is this word.
    pub(super) fn nth_is_word(&self, ahead: usize, word: &str) -> bool {
        self.nth(ahead) == SyntaxKind::Name && self.nth_text(ahead) == word
    }

    /// The words that could stand here.
    pub(super) fn tried(&self) -> &[&'static str] {
        if self.tried_at == self.at { &self.tried } else { &[] }
    }

    fn lexeme_span(&self, index: usize) -> Span {
        let at = |index: usize| {
            self.lexemes.get(index).map_or(u32::try_from(self.text.len()).unwrap_or(u32::MAX), |it| it.start)
        };
        Span { file: self.file, start: at(index), end: at(index + 1) }
    }

    pub(super) fn nth_span(&self, ahead: usize) -> Span {
        self.lexeme_span(self.nth_seen(ahead).lexeme)
    }

    pub(super) fn span(&self) -> Span {
        self.nth_span(0)
    }

    /// Of the last token that was taken.
    pub(super) fn span_before(&self) -> Span {
        let before = self.at.checked_sub(1).and_then(|before| self.seen.get(before));
        before.map_or(Span { end: 0, ..self.lexeme_span(0) }, |before| self.lexeme_span(before.lexeme))
    }

    pub(super) fn text_at(&self, span: Span) -> &'t str {
        piece(self.text, span.start, span.end)
    }

    /// How far right a token further on is: in bytes from the beginning of its line.
    pub(super) fn nth_column(&self, ahead: usize) -> u32 {
        self.nth_seen(ahead).column
    }

    /// Whether the next token begins a line that is indented no further than the one before: the next item, if that is whole.
    pub(super) fn is_beside(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.seen.get(before));
        self.is_first() && before.is_some_and(|before| self.nth_column(0) <= before.indent)
    }

    /// How far right the line of the next token begins.
    pub(super) fn indent(&self) -> u32 {
        self.nth_seen(0).indent
    }

    /// Whether the next token cannot but begin a statement: it is the first of its line, and the name of one, and what follows is not
    /// what follows the name of a member.
    pub(super) fn at_statement(&self) -> bool {
        self.is_first()
            && self.kind() == SyntaxKind::Name
            && grammar::is_statement(self.text())
            && !self.nth_is_first(1)
            && matches!(self.nth(1), SyntaxKind::Name | SyntaxKind::String | SyntaxKind::Number)
    }
}

/// Taking.
impl Parser<'_> {
    fn take_trivia(&mut self, until: usize) {
        while self.taken < until {
            let span = self.lexeme_span(self.taken);
            if let Some(Lexeme { kind, .. }) = self.lexemes.get(self.taken)
                && *kind != SyntaxKind::End
            {
                self.builder.token(raw(*kind), piece(self.text, span.start, span.end));
            }
            self.taken += 1;
        }
    }

    fn take_before(&mut self) {
        let until = self.nth_seen(0).lexeme;
        self.take_trivia(until);
    }

    fn bump_as(&mut self, kind: SyntaxKind) {
        let seen = self.nth_seen(0);
        if seen.kind == SyntaxKind::End {
            return;
        }
        self.take_trivia(seen.lexeme);
        let span = self.lexeme_span(seen.lexeme);
        self.builder.token(raw(kind), piece(self.text, span.start, span.end));
        self.taken = seen.lexeme + 1;
        self.at += 1;
    }

    /// Takes the next token.
    pub(super) fn bump(&mut self) {
        self.bump_as(self.kind());
    }

    /// Takes the next token, a name, as a word of the language.
    pub(super) fn keyword(&mut self) {
        self.bump_as(SyntaxKind::Keyword);
    }

    /// Takes the next token if it is of this kind.
    pub(super) fn eat(&mut self, kind: SyntaxKind) -> bool {
        let is = self.is(kind);
        if is {
            self.bump();
        }
        is
    }

    /// Takes the next token if it is this word.
    pub(super) fn eat_word(&mut self, word: &'static str) -> bool {
        let is = self.at_word(word);
        if is {
            self.keyword();
        }
        is
    }

    /// A node of what the function takes.
    pub(super) fn node<T>(&mut self, kind: SyntaxKind, parse: impl FnOnce(&mut Self) -> T) -> T {
        self.take_before();
        self.builder.start_node(raw(kind));
        let outcome = parse(self);
        self.builder.finish_node();
        outcome
    }

    /// A place at which a node may turn out to begin.
    pub(super) fn here(&mut self) -> Checkpoint {
        self.take_before();
        self.builder.checkpoint()
    }

    /// A node of what was taken since that place, and of what the function takes.
    pub(super) fn wrap<T>(
        &mut self,
        from: Checkpoint,
        kind: SyntaxKind,
        parse: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.builder.start_node_at(from, raw(kind));
        let outcome = parse(self);
        self.builder.finish_node();
        outcome
    }
}

/// Saying what is wrong.
impl Parser<'_> {
    /// Reports something, and gives up what is being read.
    pub(super) fn fail(&mut self, diagnostic: Diagnostic) -> Failed {
        self.report(diagnostic);
        Failed
    }

    /// Reports something. Of what is at a token that has been reported by itself, nothing.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let is_known = diagnostic.span == self.span() && self.flawed.contains(&diagnostic.span.start);
        // A quote that is missing makes text of what is none, up to the next quote.
        let is_garbled = diagnostic.span == self.span() && self.has_open_quote_behind();
        if !is_known && !is_garbled {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether a text on this line, further on, has no end.
    fn has_open_quote_behind(&self) -> bool {
        /// In tokens: longer lines are not written by hand.
        const FARTHEST: usize = 200;
        let line = (1..FARTHEST)
            .take_while(|ahead| !self.nth_is_first(*ahead) && self.nth(*ahead) != SyntaxKind::End);
        let mut quotes =
            line.filter(|ahead| matches!(self.nth(*ahead), SyntaxKind::String | SyntaxKind::Character));
        quotes.any(|ahead| {
            let text = self.nth_text(ahead);
            self.flawed.contains(&self.nth_span(ahead).start)
                && !text.get(1..).unwrap_or("").ends_with(['"', '\''])
        })
    }

    /// "expected … after …, found …": at the next token, or where the line before it ends.
    pub(super) fn expected(&mut self, what: &str) -> Failed {
        let diagnostic = self.expectation(what);
        self.fail(diagnostic)
    }

    /// The same, to be completed.
    pub(super) fn expectation(&self, what: &str) -> Diagnostic {
        errors::expected(what, &self.place_before(), &self.found(), self.place())
    }

    /// Where something is missing.
    pub(super) fn place(&self) -> Span {
        let before = self.span_before();
        if self.at > 0 && (self.is_first() || self.is(SyntaxKind::End)) {
            Span { start: before.end, ..before }
        } else {
            self.span()
        }
    }

    /// The token after which something is missing.
    fn place_before(&self) -> String {
        let text = self.text_at(self.span_before());
        if self.at == 0 || text.len() > 40 { String::new() } else { text.to_owned() }
    }

    /// What is there instead.
    pub(super) fn found(&self) -> String {
        match self.kind() {
            SyntaxKind::End => "the end of the file".to_owned(),
            _ if self.at > 0 && self.is_first() => "the end of the line".to_owned(),
            _ => errors::quoted(self.text()),
        }
    }

    /// Takes a token of this kind, or says that it is missing.
    pub(super) fn expect(&mut self, kind: SyntaxKind, what: &str) -> Parsed {
        if self.eat(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Takes this word, or says that it is missing.
    pub(super) fn expect_word(&mut self, word: &'static str) -> Parsed {
        if self.eat_word(word) {
            return Ok(());
        }
        let mut diagnostic = self.expectation(&format!("`{word}`"));
        if self.is(SyntaxKind::Name) && !self.is_first() && crate::names::nearest::is_slip(self.text(), word)
        {
            diagnostic = diagnostic.fixed_by(format!("write `{word}`"), self.span(), word);
        }
        Err(self.fail(diagnostic))
    }

    /// Calls what may call this again, unless that has been done too often.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            let diagnostic = errors::too_deep(self.span(), DEEPEST);
            return Err(self.fail(diagnostic));
        }
        self.depth += 1;
        let outcome = parse(self);
        self.depth -= 1;
        outcome
    }
}

/// Brackets, blocks, and finding the way.
impl Parser<'_> {
    /// `( … )`, `[ … ]`: in it, lines mean nothing.
    pub(super) fn enclosed(
        &mut self,
        (open, close): (SyntaxKind, SyntaxKind),
        after: &str,
        parse: impl FnOnce(&mut Self) -> Parsed,
    ) -> Parsed {
        let opened = self.span();
        self.expect(open, after)?;
        let (lines_count, objects) = (self.lines_count, self.objects);
        (self.lines_count, self.objects) = (false, true);
        let outcome = parse(self).and_then(|()| self.close(close, opened));
        (self.lines_count, self.objects) = (lines_count, objects);
        outcome
    }

    /// Takes a closing bracket, or says which one is open.
    fn close(&mut self, close: SyntaxKind, opened: Span) -> Parsed {
        if self.eat(close) {
            return Ok(());
        }
        let diagnostic = self.not_closed(opened, self.text_at(opened));
        Err(self.fail(diagnostic))
    }

    fn not_closed(&self, opened: Span, bracket: &str) -> Diagnostic {
        let found = match self.kind() {
            SyntaxKind::End => "the end of the file".to_owned(),
            _ => errors::quoted(self.text()),
        };
        let place = if self.is(SyntaxKind::End) { self.place() } else { self.span() };
        errors::not_closed(opened, bracket, place, &found)
    }

    /// `{ … }`. Items that are wrong are skipped: the block is there all the same.
    ///
    /// `is_outside` tells that what comes next belongs to what is around the block, so that its end is missing.
    pub(super) fn block(
        &mut self,
        is_outside: impl Fn(&Self) -> bool,
        mut item: impl FnMut(&mut Self) -> Parsed,
    ) -> Parsed {
        let opened = self.span();
        if !self.is(SyntaxKind::OpenBrace) {
            let wanted = errors::either_of(self.tried(), "`{`");
            let text = if self.is_first() { "" } else { self.text() };
            let diagnostic = self.expectation(&wanted);
            let is_between = !self.is_first() && self.nth(1) == SyntaxKind::OpenBrace;
            if is_between {
                self.report(diagnostic.fixed_by("take it away", self.span(), ""));
                self.bump();
            } else {
                let diagnostic = errors::no_block(diagnostic, text, self.place(), self.tried());
                self.report(diagnostic);
                // If there are items, they are read, and their end too.
                let goes_on = self.is_first() && !self.at_statement() && !self.is(SyntaxKind::End);
                if !goes_on || self.nth_column(0) < self.column {
                    return Err(Failed);
                }
            }
        }
        let (lines_count, objects) = (self.lines_count, self.objects);
        (self.lines_count, self.objects) = (true, true);
        self.node(SyntaxKind::Block, |parser| {
            parser.eat(SyntaxKind::OpenBrace);
            parser.items(opened, is_outside, &mut item);
        });
        (self.lines_count, self.objects) = (lines_count, objects);
        Ok(())
    }

    fn items(
        &mut self,
        opened: Span,
        is_outside: impl Fn(&Self) -> bool,
        item: &mut impl FnMut(&mut Self) -> Parsed,
    ) {
        let mut first = None;
        loop {
            while self.is_any(&[SyntaxKind::Comma, SyntaxKind::Semicolon]) {
                self.bump();
            }
            if self.eat(SyntaxKind::CloseBrace) {
                return;
            }
            if self.is(SyntaxKind::End) || is_outside(self) {
                let diagnostic = self.not_closed(opened, "{");
                self.report(diagnostic);
                return;
            }
            let (before, column) = (self.at, self.nth_column(0));
            let start = self.here();
            let first = *first.get_or_insert(column);
            let outcome = if let Some(diagnostic) = self.stray_operator(first) {
                Err(self.fail(diagnostic))
            } else {
                item(self)
            };
            if outcome.is_err() || self.at == before {
                self.wrap(start, SyntaxKind::Error, |parser| parser.skip_item(column, before));
            }
        }
    }

    /// An operator that begins a line, although the expression before has ended with its own. `column`: of the items.
    pub(super) fn stray_operator(&self, column: u32) -> Option<Diagnostic> {
        use SyntaxKind as K;
        let goes_on = match self.kind() {
            // Items may begin so, or be meant to.
            K::Plus | K::Minus | K::Ampersand => self.nth_column(0) > column,
            K::Star
            | K::Slash
            | K::Percent
            | K::Bar
            | K::Caret
            | K::ShiftLeft
            | K::ShiftRight
            | K::EqualEqual => true,
            K::NotEqual | K::Less | K::LessEqual | K::Greater | K::GreaterEqual | K::AndAnd | K::OrOr => true,
            K::Question | K::Dot => true,
            K::Name => self.text() == "else" && self.nth_column(0) > column,
            _ => false,
        };
        (goes_on && self.is_first() && self.at > 0)
            .then(|| errors::line_ended(self.span(), self.text(), self.span_before()))
    }

    /// To the next item of a block, or its end: a line that begins no further right than what is skipped.
    fn skip_item(&mut self, column: u32, began: usize) {
        let mut braces = 0_u32;
        loop {
            let is_beyond = self.at > began
                && self.is_first()
                && (self.nth_column(0) <= column || braces == 0 && self.at_statement());
            match self.kind() {
                SyntaxKind::End => return,
                SyntaxKind::CloseBrace | SyntaxKind::Semicolon if braces == 0 => return,
                SyntaxKind::CloseBrace => braces -= 1,
                _ if is_beyond => return,
                SyntaxKind::OpenBrace => braces += 1,
                _ => {}
            }
            self.bump();
        }
    }

    /// To the next statement.
    pub(super) fn skip_statement(&mut self, began: usize) {
        while !self.is(SyntaxKind::End) {
            let may_begin = self.is_first() && self.nth_column(0) <= self.column && self.is(SyntaxKind::Name);
            let is_beyond = may_begin
                && (grammar::is_statement(self.text()) || grammar::is_misspelt_statement(self.text()));
            if self.at > began && (is_beyond || self.at_statement()) {
                return;
            }
            self.bump();
        }
    }

    /// To the `{` of this statement, if there is one.
    pub(super) fn skip_to_block(&mut self) -> bool {
        let is_beyond = |parser: &Self| parser.is_first() && parser.nth_column(0) <= parser.column;
        let mut ahead = 0;
        loop {
            match self.nth(ahead) {
                SyntaxKind::OpenBrace => break,
                SyntaxKind::End | SyntaxKind::CloseBrace => return false,
                _ if self.nth_is_first(ahead) && self.nth_column(ahead) <= self.column => {
                    return false;
                }
                _ => ahead += 1,
            }
        }
        self.node(SyntaxKind::Error, |parser| {
            while !parser.is(SyntaxKind::OpenBrace) && !parser.is(SyntaxKind::End) && !is_beyond(parser) {
                parser.bump();
            }
        });
        self.is(SyntaxKind::OpenBrace)
    }

    /// How many tokens have been taken.
    pub(super) fn progress(&self) -> usize {
        self.at
    }
}

fn piece(text: &str, start: u32, end: u32) -> &str {
    let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    text.get(index(start)..index(end)).unwrap_or("")
}
