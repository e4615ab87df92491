//! Lines of a rule file.

/// How wide comments are: like the code that they stand in, narrower than most screens.
const WIDTH: usize = 110;

/// Of each list. `mcrx types OLD NEW` has them all.
const MOST_NAMES: usize = 40;

/// A file in the making.
#[derive(Debug, Default)]
pub(super) struct Writer {
    lines: Vec<String>,
    pub(super) holes: usize,
}

impl Writer {
    /// As it is.
    pub(super) fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// One empty line, however often it is asked for.
    pub(super) fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// Text that is broken where it gets too long.
    pub(super) fn comment(&mut self, comment: &str) {
        let mut line = String::from("//");
        for word in comment.split_whitespace() {
            if line.len() + 1 + word.len() > WIDTH && line.len() > 2 {
                self.lines.push(std::mem::replace(&mut line, String::from("//")));
            }
            line.push(' ');
            line.push_str(word);
        }
        self.lines.push(line);
    }

    /// A heading and what there is of it, by name. Nothing if there is nothing.
    pub(super) fn list(&mut self, heading: &str, mut names: Vec<String>) {
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        names.dedup();
        self.blank();
        self.comment(&format!("{heading}:"));
        match names.len().checked_sub(MOST_NAMES) {
            Some(more @ 1..) => {
                names.truncate(MOST_NAMES);
                self.comment(&format!("{} and {more} more", names.join(", ")));
            }
            _ => self.comment(&names.join(", ")),
        }
    }

    /// A question in the place of a value or a statement: `before todo "…"`.
    pub(super) fn hole(&mut self, indent: &str, before: &str, question: &str) {
        self.holes += 1;
        self.lines.push(format!("{indent}{before}todo {}", text(question)));
    }

    pub(super) fn finish(mut self) -> String {
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        self.lines.join("\n") + "\n"
    }
}

/// A string of the language.
pub(super) fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => {}
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A name if it is one, else a string.
pub(super) fn name_or_text(name: &str) -> String {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_name = name.starts_with(is_letter)
        && name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit());
    if is_name { name.to_owned() } else { text(name) }
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn some_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
