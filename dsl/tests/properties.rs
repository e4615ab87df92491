//! What is true of all texts: read without loss, formatted once and for all, with the same meaning.
//!
//! `MCRX_STRESS=N` for N times as many cases.

use mcrx_dsl::format::format;
use mcrx_dsl::source::FileId;
use mcrx_dsl::syntax::parse;
use proptest::prelude::*;
use proptest::test_runner::Config;

#[path = "properties/hold.rs"]
mod hold;
#[path = "properties/made.rs"]
mod made;

fn config() -> Config {
    let times = std::env::var("MCRX_STRESS").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    Config { failure_persistence: None, ..Config::with_cases(256 * times) }
}

/// All that is true of all texts.
fn holds(text: &str) -> Result<(), TestCaseError> {
    hold::is_read_without_loss(text)
        .and_then(|()| hold::is_formatted_for_good(text))
        .map_err(TestCaseError::fail)
}

/// Tokens in no order.
fn soup() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        6 => prop::sample::select(made::WORDS.to_vec()).prop_map(str::to_owned),
        6 => prop::sample::select(made::OPERATORS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
        2 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => Just(" // c\n".to_owned()),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.join(" "))
}

fn decisions() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

/// A file of the grammar with something taken out, doubled, exchanged or put in.
fn mutated() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..4_u8,
        prop::sample::select(made::OPERATORS.to_vec()),
    );
    (decisions(), prop::collection::vec(change, 1..4)).prop_map(|(decisions, changes)| {
        let mut pieces: Vec<String> =
            made::file(&decisions).split_inclusive([' ', '\n']).map(str::to_owned).collect();
        for (one, other, kind, operator) in changes {
            if pieces.is_empty() {
                break;
            }
            let (one, other) = (one.index(pieces.len()), other.index(pieces.len()));
            match kind {
                0 => drop(pieces.remove(one)),
                1 => pieces.swap(one, other),
                2 => pieces.insert(one, pieces[other].clone()),
                _ => pieces.insert(one, operator.to_owned()),
            }
        }
        pieces.concat()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read_without_loss(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn tokens_in_no_order_are_read_without_loss(text in soup()) {
        holds(&text)?;
    }

    #[test]
    fn files_of_the_grammar_are_read_and_formatted_for_good(decisions in decisions()) {
        let text = made::file(&decisions);
        let parse = parse(&text, FileId(0));
        prop_assert!(parse.diagnostics.is_empty(), "{}\n{:#?}", text, parse.diagnostics);
        holds(&text)?;
    }

    #[test]
    fn files_with_mistakes_are_read_without_loss(text in mutated()) {
        holds(&text)?;
    }
}

#[test]
fn parts_within_parts_without_end_are_a_diagnostic() {
    const MANY: usize = 4_000;
    let head = "global a = ";
    let nested = [
        std::format!("{head}{}", "(".repeat(MANY)),
        std::format!("{head}{}1{}", "(".repeat(MANY), ")".repeat(MANY)),
        std::format!("{head}{}1", "- ".repeat(MANY)),
        std::format!("{head}1{}", " + 1".repeat(MANY)),
        std::format!("{head}1{}", " || 1".repeat(MANY)),
        std::format!("{head}b{}", ".c".repeat(MANY)),
        std::format!("{head}b{}", "[0]".repeat(MANY)),
        std::format!("{head}{}", "[".repeat(MANY)),
        std::format!("{head}{}", "f(".repeat(MANY)),
        std::format!("{head}1{}", " ? 1 : 1".repeat(MANY)),
        std::format!("{head}1{}", " else 1".repeat(MANY)),
        std::format!("{head}{}", "match x { 1 => ".repeat(MANY)),
        std::format!("{head}{}", "match (".repeat(MANY)),
        std::format!("{head}{}", "match (\n".repeat(MANY)),
        std::format!("field a.b : {}", "match x { 1 => ".repeat(MANY)),
        std::format!("field a.b : c{}", " as d".repeat(MANY)),
        std::format!("test \"x\" {{ given {}", "a { b = ".repeat(MANY)),
        "down {".repeat(MANY),
        "type a {\n".repeat(MANY),
        "}".repeat(MANY),
        "/*".repeat(MANY),
        "x ".repeat(MANY),
    ];
    for text in nested {
        let parse = parse(&text, FileId(0));
        assert!(!parse.diagnostics.is_empty());
        assert_eq!(parse.text().len(), text.len());
        assert!(!hold::meaning(&text).is_empty());
    }
    // What is long and not deep is no mistake.
    for text in [
        std::format!("field a{} : pin", ".c".repeat(MANY)),
        std::format!("wrapper a{}", ", b".repeat(MANY)),
        std::format!("site a : b {}", "*".repeat(MANY)),
        std::format!("{head}f(1{})", ", 1".repeat(MANY)),
        std::format!("type a {{ {} }}", "b = 1 ".repeat(MANY)),
    ] {
        assert_eq!(parse(&text, FileId(0)).diagnostics, []);
        assert!(format(&text).is_ok());
    }
}
