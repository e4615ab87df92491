//! Layouts against pahole's.
//!
//! pahole prints a named type once, and leaves out others with its name and size; an anonymous one with a typedef it prints for each
//! unit; of types that are local to a function it leaves out some. So everything that it prints must be one of ours, and each of ours must be printed, have the name and size of one that is, or be local.

use crate::pahole::{self, Field, Shape};
use crate::programs;
use mcrx_debuginfo::table::{Kind, Table, Tag, Type};
use mcrx_harness::{Context, Result, ensure};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

/// Fewer would mean that something was not read: the smallest program, vsftpd, has 71.
const FEWEST: usize = 60;

pub(crate) fn every_structure_and_union_lies_as_pahole_says(test: &Context) -> Result<()> {
    for program in programs::of_server(test.first_server()?) {
        let printed = pahole_of(
            test,
            &program,
            &["--anon_include", "--nested_anon_include", "--show_private_classes", "--lang", "c,c89,c99,c11"],
        )?;
        let theirs = pahole::read(&printed);
        let table = programs::table(&program)?;
        let ours = shapes(&table, |_| true);
        let ours_in_c = shapes(&table, is_in_c);
        let shown = program.display();
        ensure!(theirs.len() >= FEWEST, "{shown}: pahole printed only {} types", theirs.len());

        let mut by_name: HashMap<(&str, bool), Vec<&Shape>> = HashMap::new();
        for shape in &ours {
            by_name.entry((&shape.name, shape.is_union)).or_default().push(shape);
        }
        let mut compared = 0_usize;
        for their in &theirs {
            let candidates =
                by_name.get(&(their.name.as_str(), their.is_union)).map_or(&[][..], Vec::as_slice);
            let differences: Vec<String> =
                candidates.iter().map_while(|our| disagreement(our, their)).collect();
            ensure!(
                differences.len() < candidates.len(),
                "{shown}: none of ours is pahole's {} {:?}: {differences:#?}",
                their.name,
                their.size
            );
            compared += 1;
        }
        let printed: HashSet<(&str, bool, u64)> = theirs
            .iter()
            .map(|shape| (shape.name.as_str(), shape.is_union, shape.size.unwrap_or(0)))
            .collect();
        let without_size: HashSet<&str> = theirs.iter().map(|shape| shape.name.as_str()).collect();
        let mut missing = HashSet::new();
        for our in ours_in_c.iter().filter(|our| !our.name.is_empty()) {
            let size = our.size.unwrap_or(0);
            // It says no size of unions without a name of their own.
            let is_there = printed.contains(&(our.name.as_str(), our.is_union, size))
                || our.is_union && without_size.contains(our.name.as_str());
            if !is_there {
                missing.insert(our.name.as_str());
            }
        }
        if !missing.is_empty() {
            let outer = outside_of_functions(test, &program)?;
            missing.retain(|name| outer.contains(*name));
            ensure!(missing.is_empty(), "{shown}: pahole does not know {missing:?}");
        }
        println!("{shown}: {compared} types as pahole printed them, {} of ours", ours.len());
    }
    Ok(())
}

/// The first thing in which two differ.
fn disagreement(our: &Shape, their: &Shape) -> Option<String> {
    let mut theirs = their.fields.iter().peekable();
    for field in &our.fields {
        if field.is_atomic {
            let place = |field: &Field| (field.name.clone(), field.bit_offset, field.depth);
            theirs.next_if(|their| place(their) == place(field));
            continue;
        }
        match theirs.next() {
            Some(their) if their == field => {}
            their => return Some(format!("ours {field:?}, pahole's {their:?}")),
        }
    }
    if let Some(their) = theirs.next() {
        return Some(format!("pahole's {their:?}"));
    }
    let sizes = (our.size, their.size);
    (their.size.is_some() && their.size != our.size).then(|| format!("sizes {sizes:?}"))
}

/// redis has a unit in C++, whose types pahole names without their namespaces.
fn is_in_c(ty: Type<'_>) -> bool {
    /// `DW_LANG_C_plus_plus`, `_03`, `_11`, `_14`, `_17`, `_20`.
    const CPP: [u16; 6] = [0x04, 0x19, 0x1a, 0x21, 0x2a, 0x2b];
    ty.unit().is_some_and(|unit| !CPP.contains(&unit.language()))
}

/// The names of types that are not local to a function, of which pahole leaves out some.
fn outside_of_functions(test: &Context, program: &Path) -> Result<HashSet<String>> {
    let text =
        programs::printed(Command::new(test.program("readelf")?).arg("--debug-dump=info").arg(program))?;
    let (mut names, mut is_outside) = (HashSet::new(), false);
    for line in text.lines() {
        if line.contains("Abbrev Number") {
            is_outside = line.trim_start().starts_with("<1>") && line.ends_with("_type)");
        } else if is_outside && let Some((_, name)) = line.split_once("DW_AT_name") {
            names.extend(name.rsplit(": ").next().map(|name| name.trim().to_owned()));
        }
    }
    Ok(names)
}

/// Every structure and union: by its name, its typedef's, or none.
fn shapes(table: &Table, is_wanted: fn(Type<'_>) -> bool) -> Vec<Shape> {
    let is_shown = |ty: &Type<'_>| ty.tag().is_aggregate() && !ty.is_declaration() && is_wanted(*ty);
    let mut shapes = Vec::new();
    for ty in table.types() {
        match ty.kind() {
            Kind::Typedef(Some(below)) if is_shown(&below) && below.name().is_none() => {
                shapes.push(pahole::of_type(ty.name().unwrap_or(""), below));
            }
            _ if is_shown(&ty) => shapes.push(pahole::of_type(ty.name().unwrap_or(""), ty)),
            _ => {}
        }
    }
    shapes
}

fn pahole_of(test: &Context, program: &Path, options: &[&str]) -> Result<String> {
    programs::printed(Command::new(test.program("pahole")?).args(["-F", "dwarf"]).args(options).arg(program))
}

/// What `mcrx types BIN TYPE` says between and behind the members is what pahole says, word for word, for every named structure: holes,
/// cachelines, sizes and sums.
pub(crate) fn the_text_says_what_paholes_says(test: &Context) -> Result<()> {
    let program = test.first_server()?.path.clone();
    let table = programs::table(&program)?;
    let mut names: Vec<&str> = table
        .types()
        .filter(|ty| ty.tag() == Tag::Structure && !ty.is_declaration())
        .filter_map(|ty| {
            ty.name().filter(|name| table.types_named(name).filter(|ty| ty.tag().is_aggregate()).count() == 1)
        })
        .collect();
    // Each costs two processes: the largest, which have the most to say.
    names.sort_by_key(|name| std::cmp::Reverse(table.types_named(name).map(|ty| ty.members().len()).max()));
    names.truncate(40);
    let mut compared = 0;
    for name in names {
        let theirs = comments(&pahole_of(test, &program, &["--class_name", name])?);
        if theirs.is_empty() {
            // It takes a typedef of the same name for the type, and has nothing to say of that.
            continue;
        }
        let output =
            programs::types(test, &[&program.to_string_lossy(), "--type", &format!("struct {name}")])?;
        let ours = comments(&String::from_utf8(output.stdout)?);
        let differs = ours.iter().zip(&theirs).find(|(our, their)| our != their);
        ensure!(
            differs.is_none() && ours.len() == theirs.len(),
            "{name}: {differs:?}, {} and {} lines",
            ours.len(),
            theirs.len()
        );
        compared += 1;
    }
    ensure!(compared >= 20, "only {compared} types were compared");
    Ok(())
}

/// What stands in comments: where each member lies, holes, cachelines, sums.
///
/// Left out is what only one of the two says: pahole what the alignment of a type was asked to be, what embedded structures lose at their
/// ends, and where bit-fields share bytes with other members; we what is lost at the end of an anonymous member.
fn comments(text: &str) -> Vec<String> {
    const ONLY_THEIRS: [&str; 4] =
        ["orced alignment", "Force alignment", "Bitfield combined with", "last struct has"];
    let comments = text.lines().filter_map(|line| {
        let (before, comment) = line.split_once("/*")?;
        let is_ours = before.len() > 4 && comment.starts_with(" padding:");
        let is_theirs =
            comment.starts_with(" paddings:") || ONLY_THEIRS.iter().any(|text| comment.contains(text));
        (!is_ours && !is_theirs).then(|| comment.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    comments.collect()
}
