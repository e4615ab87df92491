//! Two releases made of small sources, and their pairing as lines.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::pairing::{
    About, Body, Conversion, Live, MemberPair, Origin, Pairing, Place, Pointee, Question,
};
use mcrx_dsl::source::Only;
use std::path::Path;
use std::process::Command;

/// The debug info of a library made of one source. Types that nothing uses are in it, too.
pub(crate) fn table(source: &str) -> Table {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("library.so");
    std::fs::write(folder.path().join("source.c"), source).expect("the source can be written");
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.current_dir(folder.path()).args(["-g", "-O1", "-shared", "-fPIC", "-w"]);
    command.args(["-fno-eliminate-unused-debug-types", "-fno-eliminate-unused-debug-symbols", "-o"]);
    let output = command.arg(&library).arg("source.c").output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    mcrx_debuginfo::load::load(&Binary::open(&library).expect("a library")).expect("debug info")
}

/// Rules that parse.
pub(crate) fn rules(text: &str) -> Loaded {
    let loaded = load::rules(Path::new("test.mcrx"), &Only(text));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded
}

/// What becomes of the objects of a type, member by member; of parts last; then the questions about it.
pub(crate) fn of(old: &str, new: &str, text: &str, name: &str) -> Vec<String> {
    let (old, new, loaded) = (table(old), table(new), rules(text));
    let pairing = Pairing::of(&old, &new, &loaded.rules);
    let pair = pairing.types.iter().find(|pair| pair.name == name).expect("the type is in both");
    let mut lines = Vec::new();
    if pair.is_same {
        lines.push("same".to_owned());
    }
    for made in &pair.made {
        match &made.body {
            Body::Members(members) => lines.extend(members.iter().map(|member| line(&pairing, member))),
            Body::Constants(constants, ..) => {
                lines.extend(constants.kept.iter().map(|kept| format!("{kept:?}")))
            }
            Body::Union(_) => lines.push("union".to_owned()),
            Body::Open(_) => lines.push("open".to_owned()),
            Body::Same => {}
        }
        lines.extend(made.parts.iter().map(|member| format!("then {}", line(&pairing, member))));
    }
    lines.extend(pair.dropped.iter().map(|place| format!("dropped {}", place.path)));
    let about = |question: &&Question<'_>| matches!(question.about, About::Pair(id) if pairing.pair(id).is_some_and(|pair| pair.name == name));
    lines.extend(pairing.questions.iter().filter(about).map(Question::text));
    lines
}

fn place(place: &Place<'_>) -> String {
    match place.bit_size {
        Some(bits) => format!("{}@{}.{}:{bits}", place.path, place.offset(), place.bit_offset % 8),
        None => format!("{}@{}", place.path, place.offset()),
    }
}

fn line(pairing: &Pairing<'_>, member: &MemberPair<'_>) -> String {
    let to = place(&member.to);
    match &member.origin {
        Origin::Old { from, conversion, .. } => {
            format!("{} -> {to} {}", place(from), how(pairing, conversion)).trim_end().to_owned()
        }
        Origin::Set(_) => format!("{to} = ..."),
        Origin::Reset => format!("{to} reset"),
        Origin::Parts(members) => {
            let parts: Vec<String> = members.iter().map(|member| line(pairing, member)).collect();
            format!("{to} {{ {} }}", parts.join(", "))
        }
        Origin::Open(_) => format!("{to} ?"),
    }
}

fn how(pairing: &Pairing<'_>, conversion: &Conversion<'_>) -> String {
    let pair = |id| pairing.pair(id).map_or("", |pair| pair.name);
    match conversion {
        Conversion::Same => String::new(),
        Conversion::Pointer(Pointee::Pair(id)) => format!("*{}", pair(*id)),
        Conversion::Pointer(pointee) => format!("*{pointee:?}"),
        Conversion::Number { from, to } => {
            let sign = |is_signed| if is_signed { "i" } else { "u" };
            format!("{}{} to {}{}", sign(from.is_signed), from.bits, sign(to.is_signed), to.bits)
        }
        Conversion::Constants(..) => "by constants".to_owned(),
        Conversion::Array { element, from, to } => {
            let count = |count: Option<u64>| count.map_or("".to_owned(), |count| count.to_string());
            format!(
                "[{}*{}] to [{}*{}] {}",
                count(from.count),
                from.stride,
                count(to.count),
                to.stride,
                how(pairing, element)
            )
        }
        Conversion::Pair(id) => format!("as {}", pair(*id)),
        Conversion::Members(members) => {
            let members: Vec<String> = members.iter().map(|member| line(pairing, member)).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Conversion::Union(_) => "union".to_owned(),
    }
}

/// All questions that matter, given what the variables of the old release hold.
pub(crate) fn questions(old: &str, new: &str, text: &str) -> Vec<String> {
    let (old, new, loaded) = (table(old), table(new), rules(text));
    let pairing = Pairing::of(&old, &new, &loaded.rules);
    let live = Live::within(&old, [], |_| false);
    pairing.questions_about(&live).map(|(_, question)| question.text()).collect()
}
