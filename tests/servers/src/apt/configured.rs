//! What the machine's apt is configured for: sources.list(5), in both of its formats.
//!
//! Only what leads to other suites of the same archive is kept. Whether an entry is Debian's is not decided here.

use crate::command::{command, output_of};
use std::fs;
use std::path::{Path, PathBuf};

/// One `deb` or `deb-src` line, or one deb822 stanza.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    pub uris: Vec<String>,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    /// As written: paths, fingerprints, or a key block of several lines.
    pub signed_by: Option<String>,
    /// As written; archives of past days need `no`.
    pub check_valid_until: Option<String>,
}

/// Every enabled entry of the machine's configuration, wherever apt says that it is.
pub(crate) fn read() -> Result<Vec<Entry>, String> {
    let paths = output_of(command("apt-config").args([
        "shell",
        "list",
        "Dir::Etc::sourcelist/f",
        "parts",
        "Dir::Etc::sourceparts/d",
    ]))?;
    let path = |name: &str| {
        let value = paths.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(PathBuf::from(value.trim_matches('\'')))
    };
    Ok(read_from(path("list").as_deref(), path("parts").as_deref()))
}

fn read_from(list: Option<&Path>, parts: Option<&Path>) -> Vec<Entry> {
    let mut files: Vec<PathBuf> = list.map(Path::to_owned).into_iter().collect();
    if let Some(Ok(directory)) = parts.map(fs::read_dir) {
        let mut found: Vec<_> = directory.flatten().map(|entry| entry.path()).collect();
        found.sort();
        files.extend(found);
    }
    let mut entries = Vec::new();
    for file in files {
        // A file that cannot be read is apt's to complain about.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => entries.extend(parse_one_line(&text)),
            Some("sources") => entries.extend(parse_deb822(&text)),
            _ => {}
        }
    }
    entries
}

/// The one-line format: `deb [option=value ...] uri suite component...`.
pub(crate) fn parse_one_line(text: &str) -> Vec<Entry> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Entry> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    if !matches!(kind, "deb" | "deb-src") {
        return None;
    }
    let mut entry = Entry::default();
    let mut rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix('[') {
        let (options, after) = after.split_once(']')?;
        for option in options.split_whitespace() {
            let (name, value) = option.split_once('=')?;
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                // Several values are divided by commas here, by spaces in deb822.
                "signed-by" => entry.signed_by = Some(value.replace(',', " ")),
                "check-valid-until" => entry.check_valid_until = Some(value.to_owned()),
                _ => {}
            }
        }
        rest = after;
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    entry.uris.push(words.next()?);
    entry.suites.push(words.next()?);
    entry.components.extend(words);
    Some(entry)
}

/// The deb822 format: stanzas of `Field: value`, values going on in indented lines.
pub(crate) fn parse_deb822(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            entries.extend(from_stanza(&std::mem::take(&mut stanza)));
        } else if line.starts_with('#') {
            // A comment is no part of the value it may stand in.
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push('\n');
                value.push_str(line.trim_end());
            }
        } else if let Some((field, value)) = line.split_once(':') {
            stanza.push((field.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    entries
}

fn from_stanza(stanza: &[(String, String)]) -> Option<Entry> {
    let field = |name: &str| stanza.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let words = |name: &str| -> Vec<String> {
        field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    // The values apt takes for "no", and only those.
    let off = |value: &str| {
        ["no", "false", "without", "off", "disable", "0"].contains(&value.to_ascii_lowercase().as_str())
    };
    let kinds = words("types");
    if field("enabled").is_some_and(off)
        || !kinds.iter().any(|kind| matches!(kind.as_str(), "deb" | "deb-src"))
    {
        return None;
    }
    Some(Entry {
        uris: words("uris"),
        suites: words("suites"),
        components: words("components"),
        signed_by: field("signed-by").map(str::to_owned),
        check_valid_until: field("check-valid-until").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uris: &[&str], suites: &[&str], components: &[&str]) -> Entry {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Entry { uris: owned(uris), suites: owned(suites), components: owned(components), ..Entry::default() }
    }

    #[test]
    fn a_one_line_entry_is_read_with_its_options_and_without_its_comment() {
        let text = "# the archive\n\
                    deb [ arch=amd64,i386 signed-by=/k/a.gpg,/k/b.gpg check-valid-until=no ] http://m.test/debian bookworm main contrib # x\n\
                    deb-src\thttp://m.test/debian  bookworm-updates\tmain\n\
                    rpm http://m.test/x y z\n\
                    deb\n";
        let mut first = entry(&["http://m.test/debian"], &["bookworm"], &["main", "contrib"]);
        first.signed_by = Some("/k/a.gpg /k/b.gpg".to_owned());
        first.check_valid_until = Some("no".to_owned());
        let second = entry(&["http://m.test/debian"], &["bookworm-updates"], &["main"]);
        assert_eq!(parse_one_line(text), [first, second]);
    }

    #[test]
    fn a_line_with_an_open_bracket_is_left_out_and_not_misread() {
        assert_eq!(parse_one_line("deb [signed-by=/k/a.gpg http://m.test/debian bookworm main\n"), []);
    }

    #[test]
    fn a_deb822_stanza_is_read_with_several_values_and_an_embedded_key() {
        let text = "# comment\nTypes: deb deb-src\nURIs: http://one.test/debian\n  http://two.test/debian/\n\
                    Suites: bookworm\n# in between\n bookworm-updates\nComponents: main\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n\n\n\
                    types: deb\nuris: file:/srv/mirror\nsuites: ./\n";
        let mut first = entry(
            &["http://one.test/debian", "http://two.test/debian/"],
            &["bookworm", "bookworm-updates"],
            &["main"],
        );
        first.signed_by = Some(
            "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
                .to_owned(),
        );
        assert_eq!(parse_deb822(text), [first, entry(&["file:/srv/mirror"], &["./"], &[])]);
    }

    #[test]
    fn a_disabled_stanza_is_left_out() {
        let stanza = |enabled: &str| {
            format!(
                "Enabled: {enabled}\nTypes: deb\nURIs: http://m.test/debian\nSuites: sid\nComponents: main\n"
            )
        };
        assert_eq!(parse_deb822(&stanza("no")), []);
        assert_eq!(parse_deb822(&stanza("yes")).len(), 1);
    }

    #[test]
    fn files_are_read_by_their_extension_like_apt_does() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("a.list", "deb http://a.test/debian bookworm main\n");
        write("b.sources", "Types: deb\nURIs: http://b.test/debian\nSuites: bookworm\nComponents: main\n");
        write("c.list.disabled", "deb http://c.test/debian bookworm main\n");
        let list = directory.path().join("sources.list");
        let entries = read_from(Some(&list), Some(directory.path()));
        let uris: Vec<_> = entries.iter().map(|entry| entry.uris[0].as_str()).collect();
        assert_eq!(uris, ["http://a.test/debian", "http://b.test/debian"], "and no sources.list is no error");
    }
}
