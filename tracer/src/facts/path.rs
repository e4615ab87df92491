//! Where a value is, by names: `read.handler`, `d.last`, `bufs[2].pos`.

use std::fmt;
use std::str::FromStr;

/// A way through members, from a structure or a variable. It goes through pointers as if they were what they point to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// In order.
    pub steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The member of this name, also one of an anonymous structure or union inside; at the start of a path that begins nowhere, the
    /// variable.
    Member(String),
    /// An element of an array, or of what a pointer points to.
    Index(u64),
}

/// Text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no path: write names with dots between them and numbers in brackets, such as bufs[2].pos"
)]
pub struct BadPath {
    text: String,
}

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Path, BadPath> {
        let bad = || BadPath { text: text.to_owned() };
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, mut indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
            if name.is_empty() || !name.chars().all(is_letter) {
                return Err(bad());
            }
            steps.push(Step::Member(name.to_owned()));
            while let Some(rest) = indices.strip_prefix('[') {
                let (number, rest) = rest.split_once(']').ok_or_else(bad)?;
                steps.push(Step::Index(number.parse().map_err(|_| bad())?));
                indices = rest;
            }
            if !indices.is_empty() {
                return Err(bad());
            }
        }
        Ok(Path { steps })
    }
}

/// Of text that is known to be a path; a rule file's is parsed. What is none leads nowhere.
impl From<&str> for Path {
    fn from(text: &str) -> Path {
        text.parse().unwrap_or(Path { steps: vec![Step::Member(text.to_owned())] })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Member(name) if place == 0 => out.write_str(name)?,
                Step::Member(name) => write!(out, ".{name}")?,
                Step::Index(index) => write!(out, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_is_written() {
        for text in ["type", "read.handler", "bufs[2].pos", "ht_table[0][1].next.v"] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
        let steps = "a[3].b".parse::<Path>().unwrap().steps;
        assert_eq!(steps, [Step::Member("a".to_owned()), Step::Index(3), Step::Member("b".to_owned())]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "[1]", "a[", "a[]", "a[x]", "a[1", "a[1]b", "a->b", "a b"] {
            assert!(text.parse::<Path>().is_err(), "{text:?}");
        }
    }
}
