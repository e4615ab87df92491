//! Checking is total: whatever the text, against whatever debug info, it gives findings and nothing else; and a second time the same.
//!
//! The fuzz target `rules_check` does the same for longer.

use proptest::prelude::*;

#[path = "properties/checked.rs"]
mod checked;

/// What texts are made of: words of the language, and names that the releases have.
const WORDS: &[&str] = &[
    "field ",
    "pointer ",
    "variant ",
    "slab ",
    "scratch ",
    "container ",
    "type ",
    "global ",
    "function ",
    "assert ",
    "every ",
    "for each ",
    "define ",
    "match ",
    "old",
    "conn",
    "session",
    "value",
    "table",
    "classes",
    "array",
    "count",
    ".fd",
    ".peer",
    ".next",
    ".data",
    ".u",
    ".state",
    ".limits",
    "[0]",
    "[9]",
    " : ",
    " { ",
    " } ",
    " => ",
    " -> ",
    " = ",
    "opaque",
    "bytes",
    "pin",
    "infer[",
    "nelts]",
    " tagged ",
    "0b111",
    "70000",
    "-1",
    " + ",
    " == ",
    " << ",
    "&",
    "(",
    ")",
    ", ",
    "_",
    "STATE_IDLE",
    "on_read",
    "on_*",
    "KIND_TEXT",
    "sizeof(",
    "clamp(",
    "list(",
    "chain(",
    " via ",
    "todo \"?\"",
    "drop ",
    "reset ",
    "keep new ",
    "\n",
    "\n",
    "\n",
    "from.",
    "to.",
    "null",
    "\"text\"",
    "test \"t\" { given ",
    " expect ",
    "role r in frame serve { ",
    "bind s = frame.s@entry",
    "wait for r within 1s",
    "down { ",
    "allow MCX102 because \"x\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_checked(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        checked::is_checked(&words.concat()).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn every_wrong_file_is_checked_wherever_it_is_cut_off() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mcrx") {
            let text = std::fs::read_to_string(&path).unwrap();
            for end in (0..=text.len()).rev().step_by(7).filter(|end| text.is_char_boundary(*end)) {
                checked::is_checked(&text[..end]).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            }
            files += 1;
        }
    }
    assert!(files >= 60);
}
