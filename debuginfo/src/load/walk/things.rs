//! Entries that are things of the program: its variables and functions.

use super::{Inside, Walk};
use crate::dwarf::DieRef;
use crate::load::attributes::{FunctionAttributes, VariableAttributes};
use crate::load::outline::{RawFunction, RawVariable, at, number};
use crate::load::place;
use crate::load::reader::{Entry, Reader};
use crate::load::text::Text;
use crate::table::Storage;

impl<'a> Walk<'_, '_, 'a> {
    pub(super) fn static_member(&mut self, entry: Entry, name: Text<'a>) {
        let scope = self.surroundings().0;
        let key = self.qualified(self.source.hash(name), scope);
        self.gathered.outline.variables.push(RawVariable {
            die: entry.die,
            scope,
            key,
            origin: None,
            function: None,
            address: 0,
            storage: Storage::Elsewhere,
            is_member: true,
        });
    }

    pub(super) fn variable(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let (scope, function, types) = self.surroundings();
        if function.is_some() && !entry.plan.is_placed {
            return reader.pass_over(entry);
        }
        let found = VariableAttributes::read(reader, entry);
        let place = place::variable(self.source, found.location);
        let (storage, address) = match place {
            Some(place) => place,
            None if found.declaration && (found.external || types > 0) => (Storage::Elsewhere, 0),
            None if function.is_some() => return,
            None => (Storage::Nowhere, 0),
        };
        let key = match self.source.hash(found.name) {
            0 => 0,
            name => self.qualified(name, scope),
        };
        let function = match function {
            Some(function) => self.function_around(function),
            None => None,
        };
        self.gathered.outline.variables.push(RawVariable {
            die: entry.die,
            scope,
            key,
            origin: found.origin,
            function,
            address,
            storage,
            is_member: types > 0 && found.declaration,
        });
    }

    /// The function whose source the current entry is in: of what was inlined, the one that it comes from.
    fn function_around(&self, function: u32) -> Option<DieRef> {
        let frames = self.stack.iter().rev();
        let inlined = frames
            .take_while(|frame| frame.function == Some(function) && !matches!(frame.inside, Inside::Function))
            .find_map(|frame| match frame.inside {
                Inside::Inlined { die } => Some(die),
                _ => None,
            });
        let unit = self.source.unit.id;
        let Some(inlined) = inlined else {
            let function = self.gathered.outline.functions.get(at(function));
            return function.map(|function| DieRef { unit, offset: function.die });
        };
        let mut reader = Reader::at(self.source, inlined);
        let entry = reader.next()?;
        VariableAttributes::read(&mut reader, entry).origin
    }

    pub(super) fn function(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let found = FunctionAttributes::read(reader, entry);
        let scope = self.surroundings().0;
        let key = match self.source.hash(found.linkage_name) {
            0 => match self.source.hash(found.name) {
                0 => 0,
                name => self.qualified(name, scope),
            },
            linkage_name => linkage_name,
        };
        let runs = place::function(self.source, &found).unwrap_or_else(|fault| {
            self.source.fail(fault);
            Vec::new()
        });
        let index = number(self.gathered.outline.functions.len());
        self.gathered.outline.functions.push(RawFunction {
            die: entry.die,
            scope,
            key,
            origin: found.origin(),
            is_declaration: found.declaration,
            first_run: number(self.gathered.outline.runs.len()),
            runs: number(runs.len()),
            first_parameter: number(self.gathered.outline.parameters.len()),
            parameters: 0,
        });
        self.gathered.outline.runs.extend(runs);
        self.push(entry, Inside::Function);
        if let Some(frame) = self.stack.last_mut().filter(|_| entry.plan.has_children) {
            frame.function = Some(index);
            frame.scope = 0;
        }
    }
}
