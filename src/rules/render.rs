//! A diagnostic as a person reads it: the lines of the rule file, what is wrong there, the C declarations, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Message, Patch, Renderer, Snippet};
use mcrx_dsl::check;
use mcrx_dsl::diagnostic::{Declaration, Diagnostic, Severity};
use mcrx_dsl::load::Loaded;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::{FileId, Files, Span};

/// As text with colours, without a line's end behind it.
pub(crate) fn text(diagnostic: &Diagnostic, loaded: &Loaded, releases: Releases<'_>) -> String {
    let files = &loaded.files;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(plain(&diagnostic.message))
        .id(diagnostic.code.to_string())
        .element(snippet(diagnostic, files));
    for file in other_files(diagnostic) {
        group = group.element(other_snippet(diagnostic, files, file));
    }
    for declaration in &diagnostic.declarations {
        group = group.element(note(declaration, loaded, releases));
    }
    let mut groups = vec![group];
    match (&diagnostic.help, &diagnostic.fix) {
        (help, Some(fix)) => {
            let title = help.as_deref().unwrap_or(&fix.title);
            let patch = Patch::new(within(files, fix.span), fix.text.clone());
            let source =
                Snippet::source(files.text(fix.span.file)).path(path(files, fix.span.file)).patch(patch);
            groups.push(Group::with_title(Level::HELP.secondary_title(plain(title))).element(source));
        }
        (Some(help), None) => {
            if let Some(last) = groups.pop() {
                groups.push(last.element(Level::HELP.message(plain(help))));
            }
        }
        (None, None) => {}
    }
    Renderer::styled().render(&groups)
}

/// The lines that it is about.
fn snippet<'a>(diagnostic: &Diagnostic, files: &'a Files) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let file = diagnostic.span.file;
    let primary = AnnotationKind::Primary.span(within(files, diagnostic.span));
    let primary = match &diagnostic.label {
        Some(label) => primary.label(plain(label)),
        None => primary,
    };
    let others = diagnostic.others.iter().filter(|other| other.span.file == file);
    let others =
        others.map(|other| AnnotationKind::Context.span(within(files, other.span)).label(plain(&other.is)));
    Snippet::source(files.text(file)).path(path(files, file)).annotation(primary).annotations(others)
}

fn other_files(diagnostic: &Diagnostic) -> Vec<FileId> {
    let mut others: Vec<FileId> = diagnostic.others.iter().map(|other| other.span.file).collect();
    others.retain(|file| *file != diagnostic.span.file);
    others.dedup();
    others
}

fn other_snippet<'a>(
    diagnostic: &Diagnostic,
    files: &'a Files,
    file: FileId,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let others = diagnostic.others.iter().filter(|other| other.span.file == file);
    let others =
        others.map(|other| AnnotationKind::Context.span(within(files, other.span)).label(plain(&other.is)));
    Snippet::source(files.text(file)).path(path(files, file)).annotations(others)
}

/// A C declaration, with the release that has it and where.
fn note(declaration: &Declaration, loaded: &Loaded, releases: Releases<'_>) -> Message<'static> {
    let release = check::called(&loaded.rules, releases, declaration.release);
    let place = match &declaration.place {
        Some((file, line)) => format!("in {release}, {file}:{line}"),
        None => format!("in {release}"),
    };
    Level::NOTE.message(plain(&format!("{place}:\n{}", declaration.text)))
}

fn path(files: &Files, file: FileId) -> String {
    files.path(file).display().to_string()
}

/// A span inside of the file's text, at the borders of characters.
fn within(files: &Files, span: Span) -> std::ops::Range<usize> {
    let text = files.text(span.file);
    let range = span.range();
    let start = text.floor_char_boundary(range.start.min(text.len()));
    let end = text.ceil_char_boundary(range.end.clamp(start, text.len()));
    start..end
}

/// Names and paths come from debug info, which anybody may have made: a terminal must not take them for orders.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && letter != '\n' { '?' } else { letter }).collect()
}
