//! Variables: which of the entries that speak of one stands for it, and adding it to the table.

use super::attributes::VariableAttributes;
use super::files::Files;
use super::functions::Functions;
use super::limits::LONGEST_CHAIN;
use super::outline::{RawVariable, at, number};
use super::reader::Reader;
use super::whole::{Desk, Faulty, Whole, in_batches};
use crate::dwarf::DieRef;
use crate::table::{Address, Builder, Placement, Storage, StringId, TypeId, UnitId, VariableEntry};
use rustc_hash::FxHashSet;
use std::borrow::Cow;

/// A variable by its unit and its place there.
type Place = (u32, u32);

/// A variable as the table has it.
struct Described<'a> {
    at: Place,
    name: Cow<'a, [u8]>,
    linkage_name: &'a [u8],
    target: Option<TypeId>,
    /// The unit that counts the file, and its number.
    file: (UnitId, u64),
    line: u32,
    external: bool,
}

/// Which entries there are, and which another one speaks for.
pub(super) struct Variables<'w, 'a> {
    whole: &'w Whole<'w, 'a>,
    /// Entries that another one refers to.
    covered: FxHashSet<Place>,
}

impl<'w, 'a> Variables<'w, 'a> {
    pub(super) fn new(whole: &'w Whole<'w, 'a>) -> Variables<'w, 'a> {
        let mut variables = Variables { whole, covered: FxHashSet::default() };
        let origins = variables.all().filter_map(|(place, raw)| Some((place, variables.place(raw.origin?)?)));
        let covered = origins.filter(|(place, origin)| place != origin).map(|(_, origin)| origin).collect();
        variables.covered = covered;
        variables
    }

    /// The functions that variables are in.
    pub(super) fn functions(&self) -> impl Iterator<Item = DieRef> + use<'w, 'a> {
        self.all().filter_map(|(_, raw)| raw.function)
    }

    /// Adds all variables.
    pub(super) fn add(
        &self,
        functions: &Functions<'_, '_>,
        builder: &mut Builder,
        files: &mut Files,
    ) -> Result<(), Faulty> {
        // Several entries may speak of one variable: of a static local, that of the function and those of its copies.
        let mut located: FxHashSet<(Storage, u64, StringId)> = FxHashSet::default();
        let mut nowhere: FxHashSet<(StringId, u32, Option<TypeId>)> = FxHashSet::default();
        let describe = |desk: &mut Desk<'w, 'a>, place| self.describe(desk, place);
        in_batches(self.whole, &self.wanted(), describe, |described: Described<'_>| {
            let Some(raw) = self.raw(described.at) else { return };
            let name = builder.string(&described.name);
            let is_new = match raw.storage {
                Storage::Static | Storage::ThreadLocal => located.insert((raw.storage, raw.address, name)),
                Storage::Nowhere => nowhere.insert((name, described.line, described.target)),
                Storage::Elsewhere => true,
            };
            if !is_new || name == StringId::default() {
                return;
            }
            let file = match self.whole.unit(described.file.0) {
                Some(unit) if described.line != 0 => files.path(builder, unit, described.file.1),
                _ => StringId::default(),
            };
            let linkage_name = builder.string(described.linkage_name);
            builder.add_variable(VariableEntry {
                name,
                linkage_name,
                target: described.target,
                unit: UnitId(described.at.0),
                function: raw.function.and_then(|function| functions.at(function)),
                declared: Placement { file, line: described.line },
                storage: raw.storage,
                address: Address(raw.address),
                external: described.external,
            });
        })
    }

    fn all(&self) -> impl Iterator<Item = (Place, &'w RawVariable)> + use<'w, 'a> {
        let outlines = (0..).zip(&self.whole.graph.outlines);
        outlines.flat_map(|(unit, outline)| {
            (0..).zip(&outline.variables).map(move |(index, raw)| ((unit, index), raw))
        })
    }

    fn place(&self, die: DieRef) -> Option<Place> {
        Some((die.unit.0, number(self.whole.outline(die.unit)?.variable(die.offset)?)))
    }

    fn raw(&self, place: Place) -> Option<&'w RawVariable> {
        self.whole.outline(UnitId(place.0))?.variables.get(at(place.1))
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

    fn describe(&self, desk: &mut Desk<'w, 'a>, place: Place) -> Described<'a> {
        let mut described = Described {
            at: place,
            name: Cow::Borrowed(&[]),
            linkage_name: &[],
            target: None,
            file: (UnitId(place.0), 0),
            line: 0,
            external: false,
        };
        let mut next = self.raw(place).map(|raw| DieRef { unit: UnitId(place.0), offset: raw.die });
        for _ in 0..LONGEST_CHAIN {
            let Some((die, unit)) = next.and_then(|die| Some((die, desk.unit(die.unit)?))) else { break };
            let mut reader = Reader::at(&unit.source, die.offset);
            let Some(entry) = reader.next() else { break };
            let found = VariableAttributes::read(&mut reader, entry);
            if described.linkage_name.is_empty() {
                described.linkage_name = unit.source.text(found.linkage_name);
            }
            if described.name.is_empty() && found.name.is_some() {
                let raw =
                    unit.outline.variable(die.offset).and_then(|index| unit.outline.variables.get(index));
                let name = unit.source.text(found.name);
                described.name = unit.qualify(raw.map_or(0, |raw| raw.scope), name);
            }
            if described.line == 0 {
                (described.file, described.line) = ((die.unit, found.file), found.line);
            }
            described.target = described.target.or_else(|| self.whole.type_at(found.target));
            described.external |= found.external;
            next = found.origin.filter(|origin| *origin != die);
        }
        if described.linkage_name == &*described.name {
            described.linkage_name = &[];
        }
        described
    }
}
