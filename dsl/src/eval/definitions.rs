//! What rules define for expressions: functions, and facts that say what pointers without a type lead to.

use crate::names;
use crate::rules::{Change, Expression, Fact, Path, Reading, Rules, Step, Symbol};
use crate::source::At;
use mcrx_debuginfo::table::Type;
use rustc_hash::FxHashMap;

/// A function of the rules' own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition<'r> {
    pub(super) parameters: &'r [At<String>],
    pub(super) body: &'r At<Expression>,
}

/// By name, what rules define.
#[derive(Debug, Clone, Default)]
pub struct Definitions<'r> {
    functions: FxHashMap<&'r str, Definition<'r>>,
    /// By the last member of the path.
    fields: FxHashMap<&'r str, Vec<(&'r Symbol, &'r Path, &'r Reading)>>,
}

impl<'r> Definitions<'r> {
    /// Of some rules. Of two functions of one name the first counts.
    pub fn of(rules: &'r Rules) -> Definitions<'r> {
        let mut definitions = Definitions::default();
        for change in &rules.changes {
            if let Change::Define { name, parameters, body } = &change.is {
                definitions.functions.entry(&name.is).or_insert(Definition { parameters, body });
            }
        }
        for fact in &rules.facts {
            let Fact::Field { owner, paths, reading } = &fact.is else { continue };
            for path in paths {
                let last = path.is.steps.iter().rev().find_map(|step| match &step.is {
                    Step::Member(name) => Some(name.as_str()),
                    Step::Index(_) => None,
                });
                if let Some(last) = last {
                    definitions.fields.entry(last).or_default().push((&owner.is, &path.is, &reading.is));
                }
            }
        }
        definitions
    }

    /// How a member of a type reads, if a fact says so.
    pub(crate) fn reading(&self, owner: Type<'_>, path: &str) -> Option<&'r Reading> {
        let last = path.rsplit('.').next().unwrap_or(path);
        let is_owner = |symbol: &Symbol| names::named_type(owner.table(), symbol).contains(&owner);
        let mut readings = self.readings(last).iter();
        readings
            .find(|(symbol, said, _)| spelt(said) == path && is_owner(symbol))
            .map(|(.., reading)| *reading)
    }

    pub(super) fn function(&self, name: &str) -> Option<Definition<'r>> {
        self.functions.get(name).copied()
    }

    /// What is said of members of this name: of which type, by which path.
    pub(super) fn readings(&self, name: &str) -> &[(&'r Symbol, &'r Path, &'r Reading)] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Members joined by dots.
fn spelt(path: &Path) -> String {
    let names = path.steps.iter().map(|step| match &step.is {
        Step::Member(name) => name.clone(),
        Step::Index(index) => format!("[{index}]"),
    });
    names.collect::<Vec<String>>().join(".")
}
