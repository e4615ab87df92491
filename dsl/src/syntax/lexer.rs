//! Text to tokens: all of it, white space and comments too.
//!
//! What it does not do: say what is wrong with a token; [`super::literal`] does, or the parser where it is not taken.

use super::kind::SyntaxKind;
use logos::Logos;

/// A token. It ends where the next begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexeme {
    pub(super) kind: SyntaxKind,
    pub(super) start: u32,
}

/// All tokens of a text of less than 4 GiB, and one of kind [`SyntaxKind::End`] at its end.
pub(super) fn lex(text: &str) -> Vec<Lexeme> {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut lexemes: Vec<Lexeme> = Vec::with_capacity(text.len() / 4);
    for (lexed, range) in SyntaxKind::lexer(text).spanned() {
        let kind = match lexed {
            Ok(SyntaxKind::Number) if is_duration(text.get(range.clone()).unwrap_or("")) => {
                SyntaxKind::Duration
            }
            Ok(kind) => kind,
            Err(()) => SyntaxKind::Unknown,
        };
        // What begins no token is one token, however long.
        let continues = kind == SyntaxKind::Unknown
            && lexemes.last().is_some_and(|last| last.kind == SyntaxKind::Unknown);
        if !continues {
            lexemes.push(Lexeme { kind, start: offset(range.start) });
        }
    }
    lexemes.push(Lexeme { kind: SyntaxKind::End, start: offset(text.len()) });
    lexemes
}

/// Whether letters that are no digits end it: `5s`, and what is meant so, `5sec`.
fn is_duration(number: &str) -> bool {
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    unit.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_based(number)
}

/// Whether it says in which base it is: `0x1f`, `0b1`.
fn is_based(number: &str) -> bool {
    let lower = number.get(..2).map(str::to_ascii_lowercase);
    matches!(lower.as_deref(), Some("0x" | "0b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<SyntaxKind> {
        let kinds = lex(text).into_iter().map(|lexeme| lexeme.kind);
        kinds.filter(|kind| !kind.is_trivia() && *kind != SyntaxKind::End).collect()
    }

    #[test]
    fn an_open_string_ends_with_its_line() {
        assert_eq!(kinds("\"a b\r\nc"), [SyntaxKind::String, SyntaxKind::Name]);
        assert_eq!(kinds("\"a\\\nc"), [SyntaxKind::String, SyntaxKind::Unknown, SyntaxKind::Name]);
        assert_eq!(kinds("\"a\\\"b\" c"), [SyntaxKind::String, SyntaxKind::Name]);
    }

    #[test]
    fn comments_of_other_languages_are_single_tokens() {
        assert_eq!(kinds("/* a\n b */ x"), [SyntaxKind::Name]);
        assert_eq!(kinds("/* a\n b"), [SyntaxKind::Name]);
        assert_eq!(kinds("# a b\nx"), [SyntaxKind::Name]);
    }

    #[test]
    fn numbers_with_units_are_durations() {
        use SyntaxKind::{Duration, Number};
        assert_eq!(
            kinds("5s 0x5 0b1 12 5ms 2min 5sec 0o7 1_0s"),
            [Duration, Number, Number, Number, Duration, Duration, Duration, Duration, Duration]
        );
    }

    #[test]
    fn what_begins_no_token_is_one_token() {
        assert_eq!(kinds("a \u{201c}\u{201c}` b"), [SyntaxKind::Name, SyntaxKind::Unknown, SyntaxKind::Name]);
    }

    #[test]
    fn operators_are_as_long_as_can_be() {
        use SyntaxKind::{Arrow, Dot, DotDot, FatArrow, Less, ShiftLeft};
        assert_eq!(kinds("<<<->=>..."), [ShiftLeft, Less, Arrow, FatArrow, DotDot, Dot]);
    }
}
