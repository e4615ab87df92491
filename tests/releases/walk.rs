//! A process's memory as C reads it: by debug info alone, through whatever its pointers hold.
//!
//! It shares nothing with the tracer, which the transform relies on, but how a snapshot is opened and what debug info says of types.

use mcrx_debuginfo::table::{Kind, Table, Type};
use mcrx_harness::{Explain, Result, bail, ensure};
use mcrx_tracer::image::{Image, Module, Process};

/// The program that a process runs.
#[derive(Clone, Copy)]
pub(crate) struct Program<'i> {
    process: &'i Process,
    module: &'i Module,
    table: &'i Table,
}

impl<'i> Program<'i> {
    /// The first process of an image that has it mapped.
    pub(crate) fn of(image: &'i Image, table: &'i Table) -> Result<Program<'i>> {
        let is_it =
            |module: &Module| module.build_id.as_ref().is_some_and(|id| id.as_bytes() == table.build_id());
        let process = image.processes.first().context("a process")?;
        let module =
            process.modules.iter().find(|module| is_it(module)).context("the program is not mapped")?;
        Ok(Program { process, module, table })
    }

    /// A variable.
    pub(crate) fn variable(&self, name: &str) -> Result<At<'i>> {
        let variable =
            self.table.variables_named(name).next().with_context(|| format!("no variable {name}"))?;
        let ty = variable.ty().and_then(Type::resolved).context("its type")?;
        Ok(At { program: *self, ty, address: self.module.mapped(variable.address().0) })
    }
}

/// A place in memory, with the type that is read there.
#[derive(Clone, Copy)]
pub(crate) struct At<'i> {
    program: Program<'i>,
    ty: Type<'i>,
    pub(crate) address: u64,
}

impl<'i> At<'i> {
    pub(crate) fn member(&self, name: &str) -> Result<At<'i>> {
        let spelt = || format!("{:?} has no member {name}", self.ty.name());
        let (bits, member) = self.ty.field(name).with_context(spelt)?;
        let ty = member.ty().and_then(Type::resolved).with_context(spelt)?;
        Ok(At { ty, address: self.address + bits / 8, ..*self })
    }

    /// A member's number.
    pub(crate) fn number_of(&self, name: &str) -> Result<i64> {
        self.member(name)?.number()
    }

    pub(crate) fn number(&self) -> Result<i64> {
        let size = usize::try_from(self.ty.size().context("a size")?)?;
        ensure!(size <= 8, "{:?} is no number", self.ty.name());
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.bytes(size)?);
        Ok(i64::from_le_bytes(bytes))
    }

    /// The name of the constant that an enumeration's object holds.
    pub(crate) fn constant(&self) -> Result<&'i str> {
        let value = self.number()?;
        let constant = self.ty.enumerators().find(|constant| constant.value == value);
        Ok(constant.with_context(|| format!("no constant is {value}"))?.name)
    }

    /// The elements of an array.
    pub(crate) fn elements(&self) -> Result<Vec<At<'i>>> {
        let Kind::Array { element: Some(element), .. } = self.ty.kind() else { bail!("no array") };
        let element = element.resolved().context("its elements' type")?;
        let (whole, one) = (self.ty.size().context("a size")?, element.size().context("a size")?);
        let places = (0..whole / one).map(|index| self.address + index * one);
        Ok(places.map(|address| At { ty: element, address, ..*self }).collect())
    }

    /// Where a pointer leads; `None`: it is null.
    pub(crate) fn target(&self) -> Result<Option<At<'i>>> {
        let Kind::Pointer(Some(to)) = self.ty.kind() else { bail!("no pointer to anything") };
        let address = self.number()?.cast_unsigned();
        let ty = to.resolved().context("what it leads to")?;
        Ok((address != 0).then_some(At { ty, address, ..*self }))
    }

    /// What a pointer leads to, as something of another type than it says; `None`: it is null.
    pub(crate) fn target_as(&self, name: &str) -> Result<Option<At<'i>>> {
        let ty = self.program.table.types_named(name).find(|ty| !ty.is_declaration() && ty.size().is_some());
        let ty = ty.with_context(|| format!("no type {name}"))?;
        let address = self.number()?.cast_unsigned();
        Ok((address != 0).then_some(At { ty, address, ..*self }))
    }

    /// What lies so many times its own size further on.
    pub(crate) fn beside(&self, index: u64) -> Result<At<'i>> {
        let size = self.ty.size().context("a size")?;
        Ok(At { address: self.address + index * size, ..*self })
    }

    /// So many bytes on, as something of another type.
    pub(crate) fn at(&self, ty: &str, offset: u64) -> Result<At<'i>> {
        let ty = self.program.table.types_named(ty).find(|ty| !ty.is_declaration()).context("the type")?;
        Ok(At { ty, address: self.address + offset, ..*self })
    }

    /// What a list's elements are, from the one that this pointer leads to.
    pub(crate) fn list(&self, next: &str) -> Result<Vec<At<'i>>> {
        let mut found: Vec<At<'i>> = Vec::new();
        let mut link = *self;
        while let Some(element) = link.target()? {
            ensure!(found.iter().all(|other| other.address != element.address), "the list has no end");
            found.push(element);
            link = element.member(next)?;
        }
        Ok(found)
    }

    /// The objects on a ring that this is the head of, each by its member of that name: forwards, and the way back is the same.
    pub(crate) fn ring(&self, of: &str, member: &str) -> Result<Vec<At<'i>>> {
        let ty = self.program.table.types_named(of).find(|ty| !ty.is_declaration()).context("the type")?;
        let (bits, _) = ty.field(member).context("the link")?;
        let mut found: Vec<At<'i>> = Vec::new();
        let mut link = *self;
        loop {
            let next = link.member("next")?.target()?.context("a ring that is open")?;
            let back = next.member("prev")?.target()?.context("a ring that is open")?;
            ensure!(back.address == link.address, "back from {:#x} it is {:#x}", next.address, back.address);
            if next.address == self.address {
                return Ok(found);
            }
            ensure!(found.len() < 100_000, "the ring has no end");
            found.push(At { ty, address: next.address - bits / 8, ..*self });
            link = next;
        }
    }

    /// The name of the function that a pointer leads to the start of.
    pub(crate) fn function(&self) -> Result<String> {
        let linked = self.program.module.linked(self.number()?.cast_unsigned());
        let starts = |entry: u64| entry == linked;
        let mut functions = self.program.table.functions();
        let found = functions.find(|function| function.code().is_some_and(|(entry, _)| starts(entry.0)));
        Ok(found
            .with_context(|| format!("no function of the program begins at {linked:#x}"))?
            .name()
            .to_owned())
    }

    /// The text up to a zero that begins here.
    pub(crate) fn text(&self) -> Result<String> {
        let mut text = Vec::new();
        while text.len() < 4096 {
            match self.program.process.memory.bytes(self.address + u64::try_from(text.len())?, 1) {
                Some([0]) => return Ok(String::from_utf8(text)?),
                Some(byte) => text.extend_from_slice(byte),
                None => break,
            }
        }
        bail!("no text at {:#x}", self.address)
    }

    /// The text that a pointer leads to.
    pub(crate) fn text_behind(&self) -> Result<String> {
        self.target()?.context("no text: a null pointer")?.text()
    }

    pub(crate) fn bytes(&self, len: usize) -> Result<&'i [u8]> {
        let memory = &self.program.process.memory;
        memory.bytes(self.address, len).with_context(|| format!("nothing at {:#x}", self.address))
    }
}
