//! Findings as SARIF 2.1.0 (Static Analysis Results Interchange Format, OASIS), which code hosts and editors show beside the lines.
//!
//! Only what the format asks for and what its readers use: rules, results with places, related places and fixes.

use super::json::{class, severity};
use mcrx_dsl::codes::{self, Entry};
use mcrx_dsl::diagnostic::Diagnostic;
use mcrx_dsl::source::{Files, Span};
use serde::Serialize;
use std::path::Path;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// What columns count.
    column_kind: &'static str,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    name: &'static str,
    short_description: Text,
    full_description: Text,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: [&'static str; 1],
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Change>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    description: Text,
    artifact_changes: [ArtifactChange; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: Artifact,
    replacements: [Replacement; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Text,
}

impl Log {
    pub(super) fn of(found: &[Diagnostic], files: &Files) -> Log {
        let results = found.iter().map(|diagnostic| Outcome::of(diagnostic, files)).collect();
        let rules = codes::all().map(Rule::of).collect();
        let driver = Driver { name: "mcrx", version: env!("CARGO_PKG_VERSION"), rules };
        let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
        Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
    }
}

impl Rule {
    fn of(entry: &Entry) -> Rule {
        Rule {
            id: entry.code.to_string(),
            name: entry.name,
            short_description: Text { text: entry.title.to_owned() },
            full_description: Text { text: entry.text.to_owned() },
            default_configuration: Configuration { level: severity(entry.severity) },
            properties: Properties { tags: [class(entry.class())] },
        }
    }
}

impl Outcome {
    fn of(diagnostic: &Diagnostic, files: &Files) -> Outcome {
        let message = match &diagnostic.help {
            Some(help) => format!("{}. {help}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        let others = diagnostic.others.iter().map(|other| Location::of(other.span, files, Some(&other.is)));
        let declarations = diagnostic.declarations.iter().filter_map(|declaration| {
            let (file, line) = declaration.place.as_ref()?;
            let region = Region { start_line: *line, start_column: None, end_line: None, end_column: None };
            let artifact_location = Artifact { uri: uri(Path::new(file)) };
            let physical_location = PhysicalLocation { artifact_location, region: Some(region) };
            Some(Location { physical_location, message: Some(Text { text: declaration.text.clone() }) })
        });
        let fixes = diagnostic.fix.iter().map(|fix| Change {
            description: Text { text: fix.title.clone() },
            artifact_changes: [ArtifactChange {
                artifact_location: Artifact { uri: uri(files.path(fix.span.file)) },
                replacements: [Replacement {
                    deleted_region: Region::of(fix.span, files),
                    inserted_content: Text { text: fix.text.clone() },
                }],
            }],
        });
        Outcome {
            rule_id: diagnostic.code.to_string(),
            rule_index: codes::all().position(|entry| entry.code == diagnostic.code),
            level: severity(diagnostic.severity),
            message: Text { text: message },
            locations: [Location::of(diagnostic.span, files, None)],
            related_locations: others.chain(declarations).collect(),
            fixes: fixes.collect(),
        }
    }
}

impl Location {
    fn of(span: Span, files: &Files, message: Option<&str>) -> Location {
        let artifact_location = Artifact { uri: uri(files.path(span.file)) };
        let physical_location = PhysicalLocation { artifact_location, region: Some(Region::of(span, files)) };
        Location { physical_location, message: message.map(|text| Text { text: text.to_owned() }) }
    }
}

impl Region {
    fn of(span: Span, files: &Files) -> Region {
        let start = files.position(span);
        let end = files.position(Span { start: span.end, ..span });
        Region {
            start_line: start.line,
            start_column: Some(start.column),
            end_line: Some(end.line),
            end_column: Some(end.column),
        }
    }
}

/// A path as a reference of RFC 3986: relative as it is, absolute with its scheme.
fn uri(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' | b'@' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_whatever_is_in_it() {
        assert_eq!(uri(Path::new("rules/nginx 1.26.mcrx")), "rules/nginx%201.26.mcrx");
        assert_eq!(uri(Path::new("/srv/ü.mcrx")), "file:///srv/%C3%BC.mcrx");
    }
}
