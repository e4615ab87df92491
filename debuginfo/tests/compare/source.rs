//! Tables of small sources, and what differs between them as lines.

use mcrx_debuginfo::compare::{Comparison, ConstantChange, Effect, FieldChange, compare};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Member, Table};
use std::fs;
use std::process::Command;

/// The table of a library made of these sources, each a unit of its own. Types that nothing uses are in it, too.
pub(crate) fn table_of(sources: &[(&str, &str)]) -> Table {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("library.so");
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.current_dir(folder.path()).args([
        "-g",
        "-O1",
        "-shared",
        "-fPIC",
        "-w",
        "-fno-eliminate-unused-debug-types",
        "-fno-eliminate-unused-debug-symbols",
        "-o",
    ]);
    command.arg(&library);
    for (name, text) in sources {
        fs::write(folder.path().join(name), text).expect("the source can be written");
        command.arg(name);
    }
    let output = command.output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    mcrx_debuginfo::load::load(&Binary::open(&library).expect("a library")).expect("debug info")
}

pub(crate) fn table(source: &str) -> Table {
    table_of(&[("source.c", source)])
}

/// What differs in types, as lines: the name with its effect, then each change. The lines of a type are joined by `; `.
pub(crate) fn types(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (table(old), table(new));
    lines(&compare(&old, &new))
}

pub(crate) fn lines(comparison: &Comparison<'_, '_>) -> Vec<String> {
    let types = &comparison.types;
    let changed = types.changed.iter().map(|change| {
        let effect = match change.effect() {
            Effect::Incompatible => "!",
            Effect::Addition => "+",
            Effect::Compatible => "=",
        };
        let mut parts = Vec::new();
        if change.is_resized() {
            parts.push(format!("size {:?}->{:?}", change.old.size().unwrap(), change.new.size().unwrap()));
        }
        if change.is_another_kind() {
            parts.push(format!("{:?}->{:?}", change.old.tag(), change.new.tag()));
        }
        if change.is_renamed() {
            parts.push(format!("{:?}->{:?}", change.old.name(), change.new.name()));
        }
        parts.extend(change.target.map(|difference| format!("target {difference:?}")));
        parts.extend(change.fields.iter().map(field));
        parts.extend(change.renamed.iter().map(|guess| format!("?{}->{}", guess.old, guess.new)));
        parts.extend(change.constants.iter().map(|constant| match constant {
            ConstantChange::Added(new) => format!("+{}={}", new.name, new.value),
            ConstantChange::Removed(old) => format!("-{}={}", old.name, old.value),
            ConstantChange::Renumbered(old, new) => format!("~{}={}->{}", new.name, old.value, new.value),
        }));
        parts.extend(change.via.iter().map(|via| format!("via {}:{}", via.path, via.name)));
        if change.is_only_via() {
            parts.push("only".to_owned());
        }
        format!("{effect}{}: {}", change.name, parts.join("; "))
    });
    let added = types.added.iter().map(|named| format!("added {}", named.name));
    let removed = types.removed.iter().map(|named| format!("removed {}", named.name));
    changed.chain(added).chain(removed).collect()
}

fn field(change: &FieldChange<'_, '_>) -> String {
    match change {
        FieldChange::Added(field) => format!("+{}@{}", spelt(&field.path, field.member), field.offset()),
        FieldChange::Removed(field) => format!("-{}@{}", spelt(&field.path, field.member), field.offset()),
        FieldChange::Changed { old, new, difference } => {
            let mut line = format!("~{}", new.path);
            if let Some(difference) = difference {
                line.push_str(&format!(" {difference:?}"));
            }
            if old.member.bit_size() != new.member.bit_size() {
                line.push_str(&format!(" bits {:?}->{:?}", old.member.bit_size(), new.member.bit_size()));
            }
            if change.is_moved() {
                line.push_str(&format!(" {}->{}", old.bit_offset, new.bit_offset));
            }
            if change.is_overlaid() {
                line.push_str(" overlaid");
            }
            line
        }
    }
}

fn spelt(path: &str, member: Member<'_>) -> String {
    spell::declaration(member.ty(), path, Anonymous::WrittenOut)
}
