//! MCX011

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::names::nearest;
use crate::source::Span;
use crate::syntax::either;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(11),
    name: "unknown-statement",
    severity: Severity::Error,
    title: "a line that begins no statement",
    text: "Every statement begins with a word of its own: `field`, `type`, `global`, ... `dsl/GRAMMAR.md` lists them \
all.",
    wrong: "feild conn.data : opaque",
    right: "field conn.data : opaque",
};

/// With the word that is most likely meant.
pub(crate) fn report(word: &str, span: Span, known: &[&'static str]) -> (Diagnostic, Option<&'static str>) {
    let found = ENTRY.at(span, format!("there is no statement {}", quoted(word)));
    let help = match word {
        "struct" | "union" | "enum" => {
            "how objects of a type migrate is said by `type NAME { … }`, how its members read by `field NAME.MEMBER : READING`"
        }
        "rename" => {
            "a member is renamed within `type NAME { old_name -> new_name }`, a variable by `global old -> new`"
        }
        "tag" => "bits of pointers to a type are named by `pointer NAME : tagged 0b111`",
        "fn" | "func" | "let" | "def" => {
            "a function of rules is made by `define NAME(PARAMETERS) = EXPRESSION`"
        }
        "include" | "use" | "require" => return (found.fixed_by("write `import`", span, "import"), None),
        _ => "",
    };
    if !help.is_empty() {
        return (found.helped(help), None);
    }
    match slip(word, known) {
        Some(near) => (found.fixed_by(format!("write `{near}`"), span, near), Some(near)),
        None => (found.helped(format!("statements begin with {}", either(known))), None),
    }
}

/// What it is most likely meant for. Names that only hold it are not.
fn slip(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let like = nearest::names(word, known.iter().copied()).first().copied()?;
    (like.len().abs_diff(word.len()) <= word.len() / 3 + 1).then_some(like)
}
