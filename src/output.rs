//! Everything the command prints: results to stdout, narration to stderr, either text or one JSON object.
//!
//! Colour goes to terminals only, and not where NO_COLOR is set; `anstream` sees to both.

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use serde::{Serialize, Serializer};
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

mod progress;

pub(crate) use progress::Phase;

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Stdout could not be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot print the result: {0}")]
pub(crate) struct PrintError(pub(crate) io::Error);

/// Where a subcommand says what it found and what it is doing.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// A title in the result. Like [`line`](Output::line), it is not printed where JSON is wanted.
    pub(crate) fn heading(&self, text: impl Display) -> Result<(), PrintError> {
        self.line(format_args!("\n{HEADING}{text}{HEADING:#}"))
    }

    /// A line of the result.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), PrintError> {
        if self.json {
            return Ok(());
        }
        writeln!(anstream::stdout().lock(), "{text}").map_err(PrintError)
    }

    /// A text that is the whole result, byte by byte: nothing in it is taken for colours.
    pub(crate) fn text(&self, text: &str) -> Result<(), PrintError> {
        if self.json {
            return Ok(());
        }
        io::stdout().lock().write_all(text.as_bytes()).map_err(PrintError)
    }

    /// The result as JSON, where that is wanted.
    pub(crate) fn facts(&self, facts: &impl Serialize) -> Result<(), PrintError> {
        if self.json { self.document(facts) } else { Ok(()) }
    }

    /// A document in JSON that is the whole result, whether `--json` is given or not: one of a format of its own.
    pub(crate) fn document(&self, document: &impl Serialize) -> Result<(), PrintError> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, document).map_err(io::Error::from).map_err(PrintError)?;
        writeln!(stdout).map_err(PrintError)
    }

    /// What is being done now. A reader who closed stderr does not want to know.
    pub(crate) fn narrate(&self, text: impl Display) {
        let _ = writeln!(anstream::stderr().lock(), "{QUIET}{text}{QUIET:#}");
    }

    /// A line about the result, where stdout has something else. Like [`line`](Output::line), it is not printed where JSON is wanted.
    pub(crate) fn aside(&self, text: impl Display) {
        if !self.json {
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }

    /// What is being done from now on, and may take long: said to whoever waits for more than a second. It is over when the result is
    /// dropped; nothing else is to be printed before.
    pub(crate) fn phase(&self, name: impl Into<String>) -> Phase {
        Phase::start(name.into())
    }

    /// Why it did not work, with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let _ = writeln!(anstream::stderr().lock(), "{ERROR}error:{ERROR:#} {error:#}");
    }
}

/// Writes a file that is for its owner only: what was in a server's memory may be nobody else's business.
pub(crate) fn private_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let open = || std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = open().and_then(|mut file| file.write_all(bytes));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// A text from a process or a file, on one line of at most so many characters: other programs choose what their names are, and a terminal
/// must not take them for orders.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    let plain = |character: char| if character.is_control() { '?' } else { character };
    if text.chars().count() <= characters {
        return text.chars().map(plain).collect();
    }
    let kept = characters.saturating_sub("...".len());
    text.chars().take(kept).map(plain).chain("...".chars()).take(characters).collect()
}

/// A path in facts. JSON is text, which paths need not be: what is not UTF-8 in one is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathFact(pub(crate) PathBuf);

impl Serialize for PathFact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn what_others_are_called_stays_on_its_line() {
        assert_eq!(shortened("nginx: worker", 20), "nginx: worker");
        assert_eq!(shortened("nginx: worker process", 10), "nginx: ...");
        assert_eq!(shortened("a\x1b[2Jb\nc", 20), "a?[2Jb?c");
        assert_eq!(shortened("abcdef", 2), "..");
    }

    #[test]
    fn a_path_that_is_no_text_is_printed_as_far_as_it_is() {
        let path = PathFact(PathBuf::from(OsStr::from_bytes(b"/opt/\xFFx")));
        assert_eq!(serde_json::to_string(&path).unwrap(), "\"/opt/\u{fffd}x\"");
    }
}
