//! Functions that are gone while pointers may lead to them, and those that pointers call with other arguments.

use super::Between;
use super::guess::{self, Guess};
use super::write::Writer;
use crate::pairing::Pairing;
use mcrx_debuginfo::compare::Functions;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::Function;

pub(super) fn write<'t>(
    between: &Between<'t>,
    pairing: &Pairing<'t>,
    functions: &Functions<'t, 't>,
    writer: &mut Writer,
) {
    let Some(pointed) = between.pointed else { return };
    let mut gone: Vec<Function<'t>> = pairing
        .functions
        .iter()
        .filter(|pair| pair.new.is_none() && pointed.has(pair.old.id()))
        .map(|pair| pair.old)
        .collect();
    gone.sort_by_key(|function| function.name());
    let (mut guessed, mut left) = (Vec::new(), Vec::new());
    for function in gone {
        let same = pairing.new_functions.iter().filter(|other| signature(other) == signature(&function));
        let guesses = guess::alike(function.name(), same.map(|other| other.name()));
        if guesses.is_empty() { left.push(function) } else { guessed.push((function, guesses)) }
    }
    for (function, guesses) in guessed {
        writer.blank();
        let text =
            format!("a pointer may lead to {}(), which is gone: is it another one now?", function.name());
        writer.hole("", "", &text);
        for name in guesses {
            let line = format!("function {} -> {name}", function.name());
            Guess::new(line, "the same signature and a like name").write("", writer);
        }
    }
    let names =
        |functions: &[Function<'t>]| functions.iter().map(|function| function.name().to_owned()).collect();
    writer.list(
        "Functions that are gone, and that pointers may lead to; the update is refused if one does, and then says `function a -> b`",
        names(&left),
    );
    let changed: Vec<Function<'t>> = functions
        .changed
        .iter()
        .filter(|change| pointed.has(change.old.id()))
        .map(|change| change.new)
        .collect();
    writer.list(
        "Functions that pointers lead to and that take or return other things now; pointers to them lead to the new ones",
        names(&changed),
    );
}

pub(super) fn signature(function: &Function<'_>) -> String {
    let parameters =
        function.parameters().map(|parameter| spell::type_name(parameter.ty, Anonymous::LeftOut));
    let parameters: Vec<String> = parameters.collect();
    format!("{}({})", spell::type_name(function.returns(), Anonymous::LeftOut), parameters.join(", "))
}
