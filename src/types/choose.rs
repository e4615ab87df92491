//! `mcrx types BIN TYPE`: the types that a name means, and how they lie in memory.

use super::layout::TypeFacts;
use super::program::{Program, ProgramFacts};
use super::units::{self, Units};
use super::{SCHEMA, layout_text};
use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use mcrx_debuginfo::table::{Tag, Type, TypeId};
use mcrx_dsl::names::nearest;
use rustc_hash::FxHashSet;
use serde::Serialize;

/// How many typedefs are followed. Real chains are a few long; damaged debug info has circles.
const LONGEST_CHAIN: usize = 16;

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    program: ProgramFacts,
    /// What the name means, typedefs before what they name.
    types: Vec<TypeFacts>,
}

pub(super) fn run(program: &Program, name: &str, output: &Output) -> Result<()> {
    let wanted = Wanted::of(name);
    let found = wanted.find(program);
    if found.is_empty() {
        return Err(Failure::Usage(wanted.not_found(program)).into());
    }
    let units = Units::of(&program.table, found.iter().map(|(_, ty)| *ty));
    let types: Vec<TypeFacts> = found.iter().map(|(name, ty)| TypeFacts::of(*ty, name, &units)).collect();
    for ((name, ty), facts) in found.iter().zip(&types) {
        let several = found.iter().filter(|(other, its)| its.tag() == ty.tag() && other == name);
        output.line("")?;
        if several.count() > 1 {
            output.line(format_args!("/* in {} */", units::shown(units.get(*ty))))?;
        }
        output.line(layout_text::text(facts).trim_end())?;
    }
    output.facts(&Facts { schema: SCHEMA, program: program.facts(), types })?;
    Ok(())
}

/// What was asked for: `struct node`, or a name alone.
struct Wanted<'a> {
    tags: &'static [Tag],
    keyword: Option<&'a str>,
    name: &'a str,
}

impl<'a> Wanted<'a> {
    fn of(text: &'a str) -> Wanted<'a> {
        let text = text.trim();
        let parts = text.split_once(char::is_whitespace).map(|(word, name)| (word, name.trim()));
        let tags: Option<&'static [Tag]> = match parts.map(|(word, _)| word) {
            Some("struct" | "class") => Some(&[Tag::Structure, Tag::Class]),
            Some("union") => Some(&[Tag::Union]),
            Some("enum") => Some(&[Tag::Enumeration]),
            Some("typedef") => Some(&[Tag::Typedef]),
            _ => None,
        };
        match (tags, parts) {
            (Some(tags), Some((keyword, name))) => Wanted { tags, keyword: Some(keyword), name },
            // `unsigned int` is a name, too.
            _ => Wanted { tags: NAMED, keyword: None, name: text },
        }
    }

    /// All types that it may mean, each followed by what it is a name of. Declarations only if there is nothing else.
    fn find<'t>(&self, program: &'t Program) -> Vec<(&'t str, Type<'t>)> {
        let named = program.table.types_named(self.name).filter(|ty| self.tags.contains(&ty.tag()));
        let (declared, defined): (Vec<Type<'t>>, Vec<Type<'t>>) = named.partition(|ty| ty.is_declaration());
        let mut seen: FxHashSet<TypeId> = FxHashSet::default();
        let mut found = Vec::new();
        for ty in if defined.is_empty() { declared } else { defined } {
            let (mut next, mut name) = (Some(ty), "");
            for _ in 0..LONGEST_CHAIN {
                let Some(ty) = next else { break };
                // An anonymous type goes by the typedef that leads to it.
                name = ty.name().unwrap_or(name);
                if NAMED.contains(&ty.tag()) && seen.insert(ty.id()) {
                    found.push((name, ty));
                }
                next = ty.target().filter(|_| ty.tag().is_transparent());
            }
        }
        // It says all that the typedef does.
        let is_spelt_out = |ty: &Type<'t>| {
            ty.tag() == Tag::Typedef
                && ty.target().is_some_and(|below| below.name().is_none() && seen.contains(&below.id()))
        };
        found.retain(|(_, ty)| !is_spelt_out(ty));
        found
    }

    fn not_found(&self, program: &Program) -> String {
        let of = |tags: &[Tag]| {
            let known = program.table.types().filter(|ty| tags.contains(&ty.tag()));
            nearest::names(self.name, known.filter_map(Type::name))
        };
        // It may be right but for the tag: a typedef of an anonymous structure has none.
        let near = Some(of(self.tags)).filter(|near| !near.is_empty()).unwrap_or_else(|| of(NAMED));
        let what = self.keyword.unwrap_or("type");
        let mut message = format!("{} has no {what} {}", program.name(), self.name);
        if near.is_empty() {
            message.push_str("; mcrx types BIN lists what it has (a file of that name is not there either)");
        } else {
            message.push_str(&format!("; did you mean {}?", near.join(", ")));
        }
        message
    }
}

/// What can be asked for.
const NAMED: &[Tag] =
    &[Tag::Structure, Tag::Class, Tag::Union, Tag::Enumeration, Tag::Typedef, Tag::Base, Tag::Unknown];
