//! A process with what is known of it, and what lies at an address of it.

use mcrx_debuginfo::table::{Address, Function, Table, Variable};
use mcrx_tracer::blocks::Block;
use mcrx_tracer::image::{Module, Process};
use mcrx_tracer::trace::Trace;

/// One of the three images, traced.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// All objects of it.
    pub trace: &'a Trace<'a>,
    /// The program that it runs.
    pub program: &'a Module,
    /// That program's debug info.
    pub table: &'a Table,
    /// The table's place in the trace's model.
    pub place: usize,
}

/// Why a process cannot be transformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SideError {
    /// It runs something else.
    #[error(
        "process {pid} does not run the {release} release: none of its programs and libraries has that build-id"
    )]
    OtherProgram {
        /// The process.
        pid: u32,
        /// Which was wanted.
        release: &'static str,
    },
    /// There is no debug info of it.
    #[error("process {pid}: {why}")]
    NoTypes {
        /// The process.
        pid: u32,
        /// Why there is none.
        why: String,
    },
}

/// What lies at an address.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'a> {
    /// Code of the program.
    Function {
        /// Whose.
        function: Function<'a>,
        /// Bytes into it.
        offset: u64,
    },
    /// A variable of the program.
    Variable {
        /// Which.
        variable: Variable<'a>,
        /// Bytes into it.
        offset: u64,
    },
    /// Something else of the program: constants, tables that the compiler made.
    Program {
        /// As linked.
        linked: u64,
    },
    /// A library.
    Library {
        /// Which.
        module: &'a Module,
        /// As linked.
        linked: u64,
    },
    /// A live block or an area.
    Block {
        /// Its number in the trace.
        number: u32,
        /// Which.
        block: Block,
        /// Bytes into it. Its length: just past it.
        offset: u64,
    },
    /// A stack, or the thread's own data beside it.
    Stack,
    /// Memory that is none of these, the kernel's for example.
    Other,
    /// Nothing.
    Nowhere,
}

impl<'a> Side<'a> {
    /// A process that runs the release of this debug info. `release`: what it is called in messages.
    ///
    /// # Errors
    /// It runs another program.
    pub fn of(trace: &'a Trace<'a>, table: &Table, release: &'static str) -> Result<Side<'a>, SideError> {
        let is_it =
            |module: &&Module| module.build_id.as_ref().is_some_and(|id| id.as_bytes() == table.build_id());
        let program = trace.process.modules.iter().find(is_it);
        let mut tables = trace.model.tables().enumerate();
        let own = tables.find(|(_, (own, _))| own.build_id() == table.build_id());
        match (program, own) {
            (Some(program), Some((place, (table, _)))) => Ok(Side { trace, program, table, place }),
            _ => Err(SideError::OtherProgram { pid: trace.process.pid, release }),
        }
    }

    /// A process, by the program that it runs.
    ///
    /// # Errors
    /// There is no debug info of it.
    pub fn of_executable(trace: &'a Trace<'a>) -> Result<Side<'a>, SideError> {
        let process = trace.process;
        let described = process.modules.iter().zip(&trace.known.debug.modules);
        let own = described.into_iter().find(|(module, _)| module.path == process.executable);
        let missing = |why: String| SideError::NoTypes { pid: process.pid, why };
        let (_, described) =
            own.ok_or_else(|| missing("its program is not among what it has mapped".to_owned()))?;
        match &described.table {
            Some(table) => Side::of(trace, table, "other"),
            None => Err(missing(
                described
                    .missing
                    .as_ref()
                    .map_or_else(|| "its program has no debug info".to_owned(), ToString::to_string),
            )),
        }
    }

    /// The process.
    pub fn process(&self) -> &'a Process {
        self.trace.process
    }

    /// What lies at an address. Just past a block is still that block, if no other begins there.
    pub fn spot(&self, address: u64) -> Spot<'a> {
        if let Some(hit) = self.trace.blocks.at_or_past(address)
            && !self.trace.blocks.is_area(hit.number)
        {
            return Spot::Block { number: hit.number, block: hit.block, offset: hit.offset };
        }
        let process = self.process();
        if let Some(module) = process.module_at(address) {
            let linked = module.linked(address);
            if !std::ptr::eq(module, self.program) {
                return Spot::Library { module, linked };
            }
            if let Some(function) = self.table.function_at(Address(linked))
                && let Some((start, _)) = function.code()
            {
                return Spot::Function { function, offset: linked.wrapping_sub(start.0) };
            }
            if let Some(variable) = self.table.variable_at(Address(linked)) {
                return Spot::Variable { variable, offset: linked.wrapping_sub(variable.address().0) };
            }
            return Spot::Program { linked };
        }
        if let Some((number, block, offset)) = self.trace.blocks.find(address) {
            return Spot::Block { number, block, offset };
        }
        let Some(mapping) = process.mapping_at(address) else { return Spot::Nowhere };
        let is_of = |thread: &mcrx_tracer::image::Thread| mapping.range.contains(&thread.registers.rsp);
        if process.threads.iter().any(is_of) { Spot::Stack } else { Spot::Other }
    }
}
