//! Functions: which of the many entries that speak of one stands for it, and adding it to the table.
//!
//! An entry with code stands for its function. Entries that declare it, or that say once what all its inlined copies have in common,
//! are what others refer to; they stand for it only where no entry with code does.

use super::attributes::{FunctionAttributes, VariableAttributes};
use super::error::Fault;
use super::files::Files;
use super::hash::mix;
use super::limits::LONGEST_CHAIN;
use super::names::Scopes;
use super::outline::{RawFunction, at, number};
use super::reader::Reader;
use super::whole::{Faulty, Whole, unit_of};
use crate::dwarf::{DieRef, UnitId};
use crate::table::{Address, Builder, FunctionEntry, FunctionId, Placement, TypeId};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;

/// A function by its unit and its place there.
type Place = (usize, usize);

/// A parameter.
type NameAndType<'a> = (&'a [u8], Option<TypeId>);

/// Which entry stands for which.
pub(super) struct Functions<'w, 'w2, 'a> {
    whole: &'w Whole<'w2, 'a>,
    /// Entries that another one refers to, and that one: one with code, if there is.
    covered: FxHashMap<Place, Place>,
    added: FxHashMap<Place, FunctionId>,
    /// Functions whose code is in no entry of theirs, by [`Described::identity`].
    same: FxHashMap<u64, FunctionId>,
}

/// A function as the table has it.
struct Described<'a> {
    at: Place,
    key: u64,
    name: Cow<'a, [u8]>,
    linkage_name: &'a [u8],
    returns: Option<TypeId>,
    parameters: Vec<NameAndType<'a>>,
    /// The unit that counts the file, and its number.
    file: (usize, u64),
    line: u32,
    external: bool,
    noreturn: bool,
}

impl Described<'_> {
    /// What entries of one function have in common in all units.
    fn identity(&self) -> u64 {
        let types = self.parameters.iter().map(|(_, ty)| *ty).chain([self.returns]);
        let types = types.map(|ty| ty.map_or(u64::MAX, |ty| u64::from(ty.0)));
        types.fold(mix(self.key, u64::from(self.line)), mix)
    }
}

impl<'w, 'w2, 'a> Functions<'w, 'w2, 'a> {
    /// Adds all functions.
    pub(super) fn add(
        whole: &'w Whole<'w2, 'a>,
        builder: &mut Builder,
        files: &mut Files,
    ) -> Result<Functions<'w, 'w2, 'a>, Faulty> {
        let mut functions = Functions {
            whole,
            covered: FxHashMap::default(),
            added: FxHashMap::default(),
            same: FxHashMap::default(),
        };
        functions.cover();
        let all = || {
            let outlines = whole.graph.outlines.iter().enumerate();
            outlines.flat_map(|(unit, outline)| {
                (0..).zip(&outline.functions).map(move |(index, raw)| ((unit, index), raw))
            })
        };
        let with_code: Vec<Place> = all().filter(|(_, raw)| raw.runs > 0).map(|(place, _)| place).collect();
        let uncovered = |place: &Place| !functions.covered.contains_key(place);
        let without = all().filter(|(place, raw)| raw.runs == 0 && !raw.is_declaration && uncovered(place));
        let without: Vec<Place> = without.map(|(place, _)| place).collect();
        let mut known: FxHashSet<u64> =
            all().filter(|(_, raw)| !raw.is_declaration).map(|(place, _)| functions.key(place)).collect();
        let declared = all().filter(|(place, raw)| raw.is_declaration && raw.runs == 0 && uncovered(place));
        let declared: Vec<Place> =
            declared.map(|(place, _)| place).filter(|place| known.insert(functions.key(*place))).collect();
        for described in functions.describe(&with_code)? {
            let id = functions.add_one(builder, files, &described);
            functions.same.entry(described.identity()).or_insert(id);
        }
        for described in functions.describe(&without)? {
            if let Some(id) = functions.same.get(&described.identity()).copied() {
                functions.added.insert(described.at, id);
            } else {
                let id = functions.add_one(builder, files, &described);
                functions.same.insert(described.identity(), id);
            }
        }
        for described in functions.describe(&declared)? {
            functions.add_one(builder, files, &described);
        }
        Ok(functions)
    }

    /// The function in the table that an entry speaks of.
    pub(super) fn at(&self, die: DieRef) -> Option<FunctionId> {
        let mut place = self.place(die)?;
        for _ in 0..LONGEST_CHAIN {
            if let Some(id) = self.added.get(&place) {
                return Some(*id);
            }
            place = *self.covered.get(&place)?;
        }
        None
    }

    fn place(&self, die: DieRef) -> Option<Place> {
        let unit = unit_of(die);
        Some((unit, self.whole.outline(unit)?.function(die.offset)?))
    }

    fn raw(&self, place: Place) -> Option<&'w2 RawFunction> {
        self.whole.outline(place.0)?.functions.get(place.1)
    }

    fn cover(&mut self) {
        let outlines = self.whole.graph.outlines.iter().enumerate();
        for (unit, outline) in outlines {
            for (index, raw) in outline.functions.iter().enumerate() {
                let Some(origin) = raw.origin.and_then(|origin| self.place(origin)) else { continue };
                if origin == (unit, index) {
                    continue;
                }
                let before = self.covered.get(&origin).and_then(|place| self.raw(*place));
                if before.is_none_or(|before| before.runs == 0 && raw.runs > 0) {
                    self.covered.insert(origin, (unit, index));
                }
            }
        }
    }

    /// A hash of its name.
    fn key(&self, place: Place) -> u64 {
        let mut raw = self.raw(place);
        for _ in 0..LONGEST_CHAIN {
            match raw {
                Some(RawFunction { key: 0, origin: Some(origin), .. }) => {
                    raw = self.place(*origin).and_then(|place| self.raw(place));
                }
                Some(raw) => return raw.key,
                None => break,
            }
        }
        0
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

    fn describe_one(&self, place: Place) -> Result<Described<'a>, Fault> {
        let mut described = Described {
            at: place,
            key: self.key(place),
            name: Cow::Borrowed(&[]),
            linkage_name: &[],
            returns: None,
            parameters: Vec::new(),
            file: (place.0, 0),
            line: 0,
            external: false,
            noreturn: false,
        };
        let mut next = self.raw(place).map(|raw| DieRef { unit: UnitId(number(place.0)), offset: raw.die });
        // An instance may lack parameters that its optimisation has removed; what it is an instance of has all.
        let (mut parameters_of, mut follows_instance) = (None, false);
        for _ in 0..LONGEST_CHAIN {
            let Some(die) = next else { break };
            let unit = unit_of(die);
            let (Some(source), Some(outline)) = (self.whole.source(unit), self.whole.outline(unit)) else {
                break;
            };
            let mut reader = Reader::at(&source, die.offset);
            let Some(entry) = reader.next() else { break };
            let found = FunctionAttributes::read(&mut reader, entry);
            let raw = outline.function(die.offset).and_then(|index| outline.functions.get(index));
            if described.name.is_empty() && found.name.is_some() {
                let scope = raw.map_or(0, |raw| raw.scope);
                described.name = Scopes::new(&source, outline).qualify(scope, source.text(found.name));
            }
            if described.linkage_name.is_empty() {
                described.linkage_name = source.text(found.linkage_name);
            }
            if described.line == 0 {
                (described.file, described.line) = ((unit, found.file), found.line);
            }
            described.returns = described.returns.or_else(|| self.whole.type_at(found.returns));
            described.external |= found.external;
            described.noreturn |= found.noreturn;
            if let Some(raw) = raw
                && raw.parameters > 0
                && (parameters_of.is_none() || follows_instance)
            {
                parameters_of = Some((unit, raw));
            }
            follows_instance = found.instance_of.is_some();
            next = found.origin().filter(|origin| *origin != die);
            source.settle()?;
        }
        if let Some((unit, raw)) = parameters_of {
            described.parameters = self.parameters(unit, raw)?;
        }
        if described.linkage_name == &*described.name {
            described.linkage_name = &[];
        }
        Ok(described)
    }

    fn parameters(&self, unit: usize, raw: &RawFunction) -> Result<Vec<NameAndType<'a>>, Fault> {
        self.whole.budget.parameters(u64::from(raw.parameters))?;
        let Some(outline) = self.whole.outline(unit) else { return Ok(Vec::new()) };
        let dies = outline.parameters.iter().skip(at(raw.first_parameter)).take(at(raw.parameters));
        dies.map(|die| self.parameter(DieRef { unit: UnitId(number(unit)), offset: *die })).collect()
    }

    fn parameter(&self, die: DieRef) -> Result<NameAndType<'a>, Fault> {
        let (mut name, mut ty): (&[u8], _) = (b"", None);
        let mut next = Some(die);
        for _ in 0..LONGEST_CHAIN {
            let Some(die) = next else { break };
            let Some(source) = self.whole.source(unit_of(die)) else { break };
            let mut reader = Reader::at(&source, die.offset);
            let Some(entry) = reader.next() else { break };
            let found = VariableAttributes::read(&mut reader, entry);
            if name.is_empty() {
                name = source.text(found.name);
            }
            ty = ty.or_else(|| self.whole.type_at(found.target));
            next = found.origin.filter(|_| name.is_empty() || ty.is_none());
            source.settle()?;
        }
        Ok((name, ty))
    }

    fn add_one(&mut self, builder: &mut Builder, files: &mut Files, of: &Described<'_>) -> FunctionId {
        let raw = self.raw(of.at);
        let runs = raw.zip(self.whole.outline(of.at.0)).map_or(&[][..], |(raw, outline)| {
            let first = at(raw.first_run);
            outline.runs.get(first..first + at(raw.runs)).unwrap_or(&[])
        });
        let file = match self.whole.units.get(of.file.0).and_then(Option::as_ref) {
            Some(unit) if of.line != 0 => files.path(builder, unit, of.file.1),
            _ => Default::default(),
        };
        let (name, linkage_name) = (builder.string(&of.name), builder.string(of.linkage_name));
        let id = builder.add_function(FunctionEntry {
            name,
            linkage_name,
            returns: of.returns,
            unit: UnitId(number(of.at.0)),
            die: raw.map_or(0, |raw| raw.die),
            declared: Placement { file, line: of.line },
            code: runs.first().map(|(low, high)| (Address(*low), Address(*high))),
            external: of.external,
            declaration: raw.is_some_and(|raw| raw.is_declaration && raw.runs == 0),
            noreturn: of.noreturn,
        });
        for (low, high) in runs {
            builder.add_range(id, Address(*low), Address(*high));
        }
        for (name, ty) in &of.parameters {
            let name = builder.string(name);
            builder.add_function_parameter(name, *ty);
        }
        self.added.insert(of.at, id);
        id
    }
}
