//! From the tree to rules: what was read without mistakes becomes data, the rest is left out.
//!
//! A function gives `None` for what has a part that is wrong or missing. Nothing is reported here: whatever is missing, the parser has
//! said so. Wrong items of a block whose other items mean the same without them are left out alone.

mod change;
mod expression;
mod fact;
mod names;
mod process;
mod said;

use super::kind::{Node, SyntaxKind as K};
use crate::rules::{Allow, Change, Fact, Process, Test};
use crate::source::{At, FileId};
use names::{Build, string};

pub(super) use said::code;

/// What a file says, statement by statement.
#[derive(Debug)]
pub(crate) enum Statement {
    Version(At<u64>),
    Program(At<String>),
    From(At<String>),
    To(At<String>),
    Import(At<String>),
    Fact(At<Fact>),
    Change(At<Change>),
    Process(At<Process>),
    Allow(Allow),
    Test(Test),
}

/// The statements of a file.
pub(crate) fn build(tree: &Node, file: FileId) -> Vec<Statement> {
    let build = Build { file };
    tree.children().filter_map(|node| statement(build, &node)).collect()
}

fn statement(build: Build, node: &Node) -> Option<Statement> {
    match node.kind() {
        K::Version => build.number(node).map(Statement::Version),
        K::Program => said::program(build, node).map(Statement::Program),
        K::From => string(build, node).map(Statement::From),
        K::To => string(build, node).map(Statement::To),
        K::Import => string(build, node).map(Statement::Import),
        K::Quiesce | K::Role => process::process(build, node).map(Statement::Process),
        K::Allow => said::allow(build, node).map(Statement::Allow),
        K::Test => said::test(build, node).map(Statement::Test),
        K::HookPool
        | K::Wrapper
        | K::Site
        | K::Field
        | K::Pointer
        | K::Variant
        | K::Slab
        | K::Scratch
        | K::Module
        | K::Container
        | K::Descriptor => fact::fact(build, node).map(Statement::Fact),
        _ => change::change(build, node).map(Statement::Change),
    }
}
