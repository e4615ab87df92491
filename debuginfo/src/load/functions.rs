//! Functions: which of the many entries that speak of one stands for it, and adding it to the table.
//!
//! An entry with code stands for its function. Entries that declare it, or that say once what all its inlined copies have in common,
//! are what others refer to; they stand for it only where no entry with code does.

use super::attributes::{FunctionAttributes, VariableAttributes};
use super::files::Files;
use super::hash::mix;
use super::limits::LONGEST_CHAIN;
use super::outline::{RawFunction, at, number};
use super::reader::Reader;
use super::whole::{Desk, Faulty, Whole, in_batches};
use crate::dwarf::DieRef;
use crate::table::{Address, Builder, FunctionEntry, FunctionId, Placement, TypeId, UnitId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;

/// A function by its unit and its place there.
type Place = (u32, u32);

/// A parameter.
type NameAndType<'a> = (&'a [u8], Option<TypeId>);

/// Which entries there are, and which speaks for which.
struct Entries<'w, 'a> {
    whole: &'w Whole<'w, 'a>,
    /// Entries that another one refers to, and that one: one with code, if there is.
    covered: FxHashMap<Place, Place>,
}

/// The functions of the table, by their entries.
pub(super) struct Functions<'w, 'a> {
    entries: Entries<'w, 'a>,
    added: FxHashMap<Place, FunctionId>,
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
    file: (UnitId, u64),
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

impl<'w, 'a> Functions<'w, 'a> {
    /// Adds all functions. Those that are asked for afterwards: which of them these entries became.
    pub(super) fn add(
        whole: &'w Whole<'w, 'a>,
        asked_for: impl Iterator<Item = DieRef>,
        builder: &mut Builder,
        files: &mut Files,
    ) -> Result<Functions<'w, 'a>, Faulty> {
        let mut entries = Entries { whole, covered: FxHashMap::default() };
        entries.cover();
        let asked_for: FxHashSet<Place> = asked_for.flat_map(|die| entries.chain(die)).collect();
        let mut added = FxHashMap::default();
        // Functions by what their entries have in common.
        let mut same: FxHashMap<u64, FunctionId> = FxHashMap::default();
        let describe = |desk: &mut Desk<'w, 'a>, place| entries.describe(desk, place);

        let with_code: Vec<Place> =
            entries.all().filter(|(_, raw)| raw.runs > 0).map(|(place, _)| place).collect();
        in_batches(whole, &with_code, describe, |described: Described<'_>| {
            let id = entries.add_one(builder, files, &described);
            same.entry(described.identity()).or_insert(id);
            if asked_for.contains(&described.at) {
                added.insert(described.at, id);
            }
        })?;

        let uncovered = |(place, _): &(Place, &RawFunction)| !entries.covered.contains_key(place);
        let without = entries.all().filter(|(_, raw)| raw.runs == 0 && !raw.is_declaration).filter(uncovered);
        let without: Vec<Place> = without.map(|(place, _)| place).collect();
        in_batches(whole, &without, describe, |described: Described<'_>| {
            let identity = described.identity();
            let id = match same.get(&identity) {
                Some(id) => *id,
                None => entries.add_one(builder, files, &described),
            };
            same.insert(identity, id);
            if asked_for.contains(&described.at) {
                added.insert(described.at, id);
            }
        })?;

        let declared = entries.all().filter(|(_, raw)| raw.runs == 0 && raw.is_declaration).filter(uncovered);
        let mut declared: Vec<Place> = declared.map(|(place, _)| place).collect();
        if !declared.is_empty() {
            let defined = entries.all().filter(|(_, raw)| !raw.is_declaration);
            let mut known: FxHashSet<u64> = defined.map(|(place, _)| entries.key(place)).collect();
            declared.retain(|place| known.insert(entries.key(*place)));
        }
        in_batches(whole, &declared, describe, |described: Described<'_>| {
            entries.add_one(builder, files, &described);
        })?;
        Ok(Functions { entries, added })
    }

    /// The function in the table that an entry speaks of; one that was asked for.
    pub(super) fn at(&self, die: DieRef) -> Option<FunctionId> {
        self.entries.chain(die).into_iter().find_map(|place| self.added.get(&place).copied())
    }
}

impl<'w, 'a> Entries<'w, 'a> {
    fn all(&self) -> impl Iterator<Item = (Place, &'w RawFunction)> + use<'w, 'a> {
        let outlines = (0..).zip(&self.whole.graph.outlines);
        outlines.flat_map(|(unit, outline)| {
            (0..).zip(&outline.functions).map(move |(index, raw)| ((unit, index), raw))
        })
    }

    fn place(&self, die: DieRef) -> Option<Place> {
        Some((die.unit.0, number(self.whole.outline(die.unit)?.function(die.offset)?)))
    }

    fn raw(&self, place: Place) -> Option<&'w RawFunction> {
        self.whole.outline(UnitId(place.0))?.functions.get(at(place.1))
    }

    fn cover(&mut self) {
        for (place, raw) in self.all() {
            let Some(origin) = raw.origin.and_then(|origin| self.place(origin)) else { continue };
            let before = self.covered.get(&origin).and_then(|before| self.raw(*before));
            if origin != place && before.is_none_or(|before| before.runs == 0 && raw.runs > 0) {
                self.covered.insert(origin, place);
            }
        }
    }

    /// An entry, what covers it, what covers that.
    fn chain(&self, die: DieRef) -> Vec<Place> {
        let first = self.place(die);
        std::iter::successors(first, |place| self.covered.get(place).copied()).take(LONGEST_CHAIN).collect()
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

    fn describe(&self, desk: &mut Desk<'w, 'a>, place: Place) -> Described<'a> {
        let mut described = Described {
            at: place,
            key: self.key(place),
            name: Cow::Borrowed(&[]),
            linkage_name: &[],
            returns: None,
            parameters: Vec::new(),
            file: (UnitId(place.0), 0),
            line: 0,
            external: false,
            noreturn: false,
        };
        let mut next = self.raw(place).map(|raw| DieRef { unit: UnitId(place.0), offset: raw.die });
        // An instance may lack parameters that its optimisation has removed; what it is an instance of has all.
        let (mut parameters_of, mut follows_instance) = (None, false);
        for _ in 0..LONGEST_CHAIN {
            let Some((die, unit)) = next.and_then(|die| Some((die, desk.unit(die.unit)?))) else { break };
            let mut reader = Reader::at(&unit.source, die.offset);
            let Some(entry) = reader.next() else { break };
            let found = FunctionAttributes::read(&mut reader, entry);
            let raw = unit.outline.function(die.offset).and_then(|index| unit.outline.functions.get(index));
            if described.linkage_name.is_empty() {
                described.linkage_name = unit.source.text(found.linkage_name);
            }
            if described.name.is_empty() && found.name.is_some() {
                let name = unit.source.text(found.name);
                described.name = unit.qualify(raw.map_or(0, |raw| raw.scope), name);
            }
            if described.line == 0 {
                (described.file, described.line) = ((die.unit, found.file), found.line);
            }
            described.returns = described.returns.or_else(|| self.whole.type_at(found.returns));
            described.external |= found.external;
            described.noreturn |= found.noreturn;
            if let Some(raw) = raw
                && raw.parameters > 0
                && (parameters_of.is_none() || follows_instance)
            {
                parameters_of = Some((die.unit, raw));
            }
            follows_instance = found.instance_of.is_some();
            next = found.origin().filter(|origin| *origin != die);
        }
        if let Some((unit, raw)) = parameters_of {
            described.parameters = self.parameters(desk, unit, raw);
        }
        if described.linkage_name == &*described.name {
            described.linkage_name = &[];
        }
        described
    }

    fn parameters(&self, desk: &mut Desk<'w, 'a>, unit: UnitId, raw: &RawFunction) -> Vec<NameAndType<'a>> {
        let Some(opened) = desk.unit(unit) else { return Vec::new() };
        if let Err(excess) = opened.source.budget().parameters(u64::from(raw.parameters)) {
            opened.source.fail(excess.into());
            return Vec::new();
        }
        let dies = opened.outline.parameters.iter().skip(at(raw.first_parameter)).take(at(raw.parameters));
        dies.map(|die| self.parameter(desk, DieRef { unit, offset: *die })).collect()
    }

    fn parameter(&self, desk: &mut Desk<'w, 'a>, die: DieRef) -> NameAndType<'a> {
        let (mut name, mut ty): (&[u8], _) = (b"", None);
        let mut next = Some(die);
        for _ in 0..LONGEST_CHAIN {
            let Some(unit) = next.and_then(|die| desk.unit(die.unit)) else { break };
            let mut reader = Reader::at(&unit.source, next.map_or(0, |die| die.offset));
            let Some(entry) = reader.next() else { break };
            let found = VariableAttributes::read(&mut reader, entry);
            if name.is_empty() {
                name = unit.source.text(found.name);
            }
            ty = ty.or_else(|| self.whole.type_at(found.target));
            next = found.origin.filter(|_| name.is_empty() || ty.is_none());
        }
        (name, ty)
    }

    fn add_one(&self, builder: &mut Builder, files: &mut Files, of: &Described<'_>) -> FunctionId {
        let raw = self.raw(of.at);
        let runs = raw.zip(self.whole.outline(UnitId(of.at.0))).map_or(&[][..], |(raw, outline)| {
            let first = at(raw.first_run);
            outline.runs.get(first..first + at(raw.runs)).unwrap_or(&[])
        });
        let file = match self.whole.unit(of.file.0) {
            Some(unit) if of.line != 0 => files.path(builder, unit, of.file.1),
            _ => Default::default(),
        };
        let (name, linkage_name) = (builder.string(&of.name), builder.string(of.linkage_name));
        let id = builder.add_function(FunctionEntry {
            name,
            linkage_name,
            returns: of.returns,
            unit: UnitId(of.at.0),
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
        id
    }
}
