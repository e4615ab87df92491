//! What is true of all texts. The fuzz targets `rules_parse` and `rules_format` hold what they make up against the same.

use mcrx_dsl::format::format;
use mcrx_dsl::load;
use mcrx_dsl::source::{FileId, Load};
use mcrx_dsl::syntax::parse;
use std::path::Path;

/// The file that is asked for, and empty ones for what it imports.
struct One<'t>(&'t str);

impl Load for One<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        Ok(if path == Path::new("a.mcrx") { self.0.to_owned() } else { String::new() })
    }
}

/// What a text says, without places.
pub(crate) fn meaning(text: &str) -> String {
    let all = std::format!("{:?}", load::rules(Path::new("a.mcrx"), &One(text)).rules);
    let mut parts = all.split("span: Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// Its comments, in order.
fn comments(text: &str) -> Vec<String> {
    let behind = |line: &str| {
        let mut in_text = None;
        let mut before = ' ';
        for (at, c) in line.char_indices() {
            match (in_text, c) {
                (None, '"' | '\'') => in_text = Some(c),
                (Some(quote), c) if quote == c && before != '\\' => in_text = None,
                (None, '/') if before == '/' => {
                    return line.get(at - 1..).map(|comment| comment.trim_end().to_owned());
                }
                _ => {}
            }
            // Two backslashes are one character.
            before = if before == '\\' && c == '\\' { ' ' } else { c };
        }
        None
    };
    text.lines().filter_map(behind).collect()
}

/// Formatted, it stays as it is when it is formatted again, says the same, and has all of its comments.
#[allow(dead_code)]
pub(crate) fn is_formatted_for_good(text: &str) -> Result<(), String> {
    let Ok(once) = format(text) else { return Ok(()) };
    let twice = format(&once).map_err(|found| std::format!("formatted, it is wrong:\n{once}\n{found:#?}"))?;
    if twice != once {
        return Err(std::format!("formatted again it is another text:\n{once}\n{twice}"));
    }
    if meaning(&once) != meaning(text) {
        return Err(std::format!("formatted, it says something else:\n{text}\n{once}"));
    }
    if comments(&once) != comments(text) {
        return Err(std::format!("formatted, it lost a comment:\n{text}\n{once}"));
    }
    Ok(())
}

/// All of it is in the tree, and diagnostics are about places of it.
#[allow(dead_code)]
pub(crate) fn is_read_without_loss(text: &str) -> Result<(), String> {
    let parse = parse(text, FileId(0));
    if parse.text() != text {
        return Err(std::format!("{text:?} became {:?}", parse.text()));
    }
    for found in &parse.diagnostics {
        let fixes = found.fix.iter().map(|fix| fix.span);
        let mut places = found.others.iter().map(|other| other.span).chain(fixes).chain([found.span]);
        if places.any(|span| span.start > span.end || text.get(span.range()).is_none()) {
            return Err(std::format!("{found:?} is about no place of {text:?}"));
        }
    }
    let _ = meaning(text);
    Ok(())
}
