//! `mcrx types BIN`: every structure and union of a program.

use super::SCHEMA;
use super::layout::{self, kind};
use super::program::{Program, ProgramFacts};
use super::units::{self, Units};
use crate::output::Output;
use anyhow::Result;
use mcrx_debuginfo::table::{Kind, Table, Type, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    program: ProgramFacts,
    /// By name.
    types: Vec<RowFacts>,
}

#[derive(Serialize)]
struct RowFacts {
    /// Its own, or of an anonymous one its typedef's.
    name: String,
    kind: &'static str,
    /// It has no name of its own.
    anonymous: bool,
    size: Option<u64>,
    members: usize,
    /// Unused bytes between members.
    holes: u64,
    /// Unused bytes behind them.
    padding: u64,
    /// The main source files that define it, where several types have the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    units: Vec<String>,
}

pub(super) fn run(program: &Program, output: &Output) -> Result<()> {
    let types = listed(&program.table);
    let mut count: FxHashMap<(&str, &str), u32> = FxHashMap::default();
    for (name, ty) in &types {
        *count.entry((kind(*ty), name)).or_default() += 1;
    }
    let is_ambiguous =
        |name: &str, ty: Type<'_>| count.get(&(kind(ty), name)).is_some_and(|count| *count > 1);
    let units = Units::of(
        &program.table,
        types.iter().filter(|(name, ty)| is_ambiguous(name, *ty)).map(|(_, ty)| *ty),
    );
    output.heading(format_args!("{}: {} structures and unions", program.name(), types.len()))?;
    output.line(format_args!("{:>10} {:>7} {:>6} {:>7}  NAME", "SIZE", "MEMBERS", "HOLES", "PADDING"))?;
    let mut rows = Vec::new();
    for (name, ty) in types {
        let layout = layout::flat(ty);
        let row = RowFacts {
            name: name.to_owned(),
            kind: kind(ty),
            anonymous: ty.name().is_none(),
            size: ty.size(),
            members: ty.members().len(),
            holes: layout.sum_holes,
            padding: layout.padding,
            units: units.get(ty).iter().map(ToString::to_string).collect(),
        };
        let size = row.size.map_or("?".to_owned(), |size| size.to_string());
        let RowFacts { members, holes, padding, .. } = row;
        let shown = match (row.anonymous, units.get(ty)) {
            (true, []) => name.to_owned(),
            (false, []) => format!("{} {name}", row.kind),
            (true, units) => format!("{name}  in {}", units::shown(units)),
            (false, units) => format!("{} {name}  in {}", row.kind, units::shown(units)),
        };
        output.line(format_args!("{size:>10} {members:>7} {holes:>6} {padding:>7}  {shown}"))?;
        rows.push(row);
    }
    if let Some(row) = rows.iter().max_by_key(|row| row.holes) {
        output.line(format_args!("\nNext: mcrx types {} {}", program.name(), row.name))?;
    }
    output.facts(&Facts { schema: SCHEMA, program: program.facts(), types: rows })?;
    Ok(())
}

/// The structures, unions and classes that have a name, by it. Anonymous ones go by their typedef.
fn listed(table: &Table) -> Vec<(&str, Type<'_>)> {
    let is_listed = |ty: &Type<'_>| ty.tag().is_aggregate() && !ty.is_declaration();
    let mut seen: FxHashSet<TypeId> = FxHashSet::default();
    let mut types: Vec<(&str, Type<'_>)> = table
        .types()
        .filter_map(|ty| match ty.kind() {
            Kind::Typedef(Some(below)) if is_listed(&below) && below.name().is_none() => {
                seen.insert(below.id()).then_some((ty.name()?, below))
            }
            _ if is_listed(&ty) => Some((ty.name()?, ty)),
            _ => None,
        })
        .collect();
    types.sort_by_key(|(name, ty)| (*name, ty.tag(), ty.id()));
    types
}
