//! Variables: which of the entries that speak of one stands for it, and adding it to the table.

use super::attributes::VariableAttributes;
use super::error::Fault;
use super::files::Files;
use super::functions::Functions;
use super::limits::LONGEST_CHAIN;
use super::names::Scopes;
use super::outline::{RawVariable, number};
use super::reader::Reader;
use super::whole::{Faulty, Whole, unit_of};
use crate::dwarf::{DieRef, UnitId};
use crate::table::{Address, Builder, Placement, Storage, StringId, TypeId, VariableEntry};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::borrow::Cow;

/// A variable by its unit and its place there.
type Place = (usize, usize);

/// A variable as the table has it.
struct Described<'a> {
    at: Place,
    name: Cow<'a, [u8]>,
    linkage_name: &'a [u8],
    target: Option<TypeId>,
    file: (usize, u64),
    line: u32,
    external: bool,
}

struct Variables<'w, 'w2, 'a> {
    whole: &'w Whole<'w2, 'a>,
    /// Entries that another one refers to.
    covered: FxHashSet<Place>,
}

/// Adds all variables.
pub(super) fn add(
    whole: &Whole<'_, '_>,
    functions: &Functions<'_, '_, '_>,
    builder: &mut Builder,
    files: &mut Files,
) -> Result<(), Faulty> {
    let mut variables = Variables { whole, covered: FxHashSet::default() };
    variables.cover();
    let wanted = variables.wanted();
    // Several entries may speak of one variable: of a static local, that of the function and those of its copies.
    let mut located: FxHashSet<(Storage, u64, StringId)> = FxHashSet::default();
    let mut nowhere: FxHashSet<(StringId, u32, Option<TypeId>)> = FxHashSet::default();
    for described in variables.describe(&wanted)? {
        let Some(raw) = variables.raw(described.at) else { continue };
        let name = builder.string(&described.name);
        let is_new = match raw.storage {
            Storage::Static | Storage::ThreadLocal => located.insert((raw.storage, raw.address, name)),
            Storage::Nowhere => nowhere.insert((name, described.line, described.target)),
            Storage::Elsewhere => true,
        };
        if !is_new || name == StringId::default() {
            continue;
        }
        let file = match whole.units.get(described.file.0).and_then(Option::as_ref) {
            Some(unit) if described.line != 0 => files.path(builder, unit, described.file.1),
            _ => StringId::default(),
        };
        let linkage_name = builder.string(described.linkage_name);
        builder.add_variable(VariableEntry {
            name,
            linkage_name,
            target: described.target,
            unit: UnitId(number(described.at.0)),
            function: raw.function.and_then(|function| functions.at(function)),
            declared: Placement { file, line: described.line },
            storage: raw.storage,
            address: Address(raw.address),
            external: described.external,
        });
    }
    Ok(())
}

impl<'w2, 'a> Variables<'_, 'w2, 'a> {
    fn place(&self, die: DieRef) -> Option<Place> {
        let unit = unit_of(die);
        Some((unit, self.whole.outline(unit)?.variable(die.offset)?))
    }

    fn raw(&self, place: Place) -> Option<&'w2 RawVariable> {
        self.whole.outline(place.0)?.variables.get(place.1)
    }

    fn all(&self) -> impl Iterator<Item = (Place, &'w2 RawVariable)> + use<'w2, 'a> {
        let outlines = self.whole.graph.outlines.iter().enumerate();
        outlines.flat_map(|(unit, outline)| {
            outline.variables.iter().enumerate().map(move |(index, raw)| ((unit, index), raw))
        })
    }

    fn cover(&mut self) {
        let origins = self.all().filter_map(|(place, raw)| Some((place, self.place(raw.origin?)?)));
        self.covered = origins.filter(|(place, origin)| place != origin).map(|(_, origin)| origin).collect();
    }

    /// A hash of its name.
    fn key(&self, place: Place) -> u64 {
        let mut raw = self.raw(place);
        for _ in 0..LONGEST_CHAIN {
            match raw {
                Some(RawVariable { key: 0, origin: Some(origin), .. }) => {
                    raw = self.place(*origin).and_then(|place| self.raw(place));
                }
                Some(raw) => return raw.key,
                None => break,
            }
        }
        0
    }

    /// Those that stand for their variables, in order.
    fn wanted(&self) -> Vec<Place> {
        let defines = |raw: &RawVariable| raw.storage != Storage::Elsewhere && raw.function.is_none();
        let mut known: FxHashSet<u64> =
            self.all().filter(|(_, raw)| defines(raw)).map(|(place, _)| self.key(place)).collect();
        self.all()
            .filter(|(place, raw)| match raw.storage {
                Storage::Static | Storage::ThreadLocal => true,
                Storage::Nowhere => !self.covered.contains(place),
                Storage::Elsewhere => {
                    !raw.is_member && !self.covered.contains(place) && known.insert(self.key(*place))
                }
            })
            .map(|(place, _)| place)
            .collect()
    }

    fn describe(&self, places: &[Place]) -> Result<Vec<Described<'a>>, Faulty> {
        let of_units: Vec<&[Place]> = places.chunk_by(|one, other| one.0 == other.0).collect();
        let described: Vec<Result<Vec<Described<'a>>, Faulty>> = of_units
            .into_par_iter()
            .map(|places| {
                places
                    .iter()
                    .map(|place| self.describe_one(*place).map_err(|fault| (place.0, fault)))
                    .collect()
            })
            .collect();
        let mut all = Vec::with_capacity(places.len());
        for part in described {
            all.extend(part?);
        }
        Ok(all)
    }

    fn describe_one(&self, at: Place) -> Result<Described<'a>, Fault> {
        let mut described = Described {
            at,
            name: Cow::Borrowed(&[]),
            linkage_name: &[],
            target: None,
            file: (at.0, 0),
            line: 0,
            external: false,
        };
        let mut next = self.raw(at).map(|raw| DieRef { unit: UnitId(number(at.0)), offset: raw.die });
        for _ in 0..LONGEST_CHAIN {
            let Some(die) = next else { break };
            let unit = unit_of(die);
            let (Some(source), Some(outline)) = (self.whole.source(unit), self.whole.outline(unit)) else {
                break;
            };
            let mut reader = Reader::at(&source, die.offset);
            let Some(entry) = reader.next() else { break };
            let found = VariableAttributes::read(&mut reader, entry);
            if described.name.is_empty() && found.name.is_some() {
                let raw = outline.variable(die.offset).and_then(|index| outline.variables.get(index));
                let scope = raw.map_or(0, |raw| raw.scope);
                described.name = Scopes::new(&source, outline).qualify(scope, source.text(found.name));
            }
            if described.linkage_name.is_empty() {
                described.linkage_name = source.text(found.linkage_name);
            }
            if described.line == 0 {
                (described.file, described.line) = ((unit, found.file), found.line);
            }
            described.target = described.target.or_else(|| self.whole.type_at(found.target));
            described.external |= found.external;
            next = found.origin.filter(|origin| *origin != die);
            source.settle()?;
        }
        if described.linkage_name == &*described.name {
            described.linkage_name = &[];
        }
        Ok(described)
    }
}
