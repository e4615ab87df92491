//! Statements about variables with questions.

use super::Between;
use super::guess::{self, Guess};
use super::write::{Writer, some_of};
use crate::pairing::{About, Asked, Pairing, Place, Question, declared};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Table, Variable};

pub(super) fn write<'t>(between: &Between<'t>, pairing: &Pairing<'t>, writer: &mut Writer) {
    let mut gone: Vec<(Variable<'t>, &Question<'t>)> = Vec::new();
    let mut others: Vec<(Variable<'t>, &Question<'t>)> = Vec::new();
    for (_, question) in pairing.questions_about(between.live) {
        match (question.about, &question.asked) {
            (About::Variable { old: Some(old), .. }, Asked::Gone) => gone.push((old, question)),
            (About::Variable { new: Some(new), .. }, _) => others.push((new, question)),
            _ => {}
        }
    }
    others.sort_by_key(|(variable, _)| variable.name());
    for (variable, question) in others {
        writer.blank();
        if question.path().is_empty() {
            writer.hole(
                "",
                &format!("global {} = ", symbol(variable, (between.old, between.new))),
                &question.text(),
            );
        } else {
            writer.hole("", "", &question.text());
        }
        Guess::new(format!("global {} keep new", symbol(variable, (between.old, between.new))), "")
            .write("", writer);
    }
    gone.sort_by_key(|(variable, _)| variable.name());
    write_gone(between, pairing, &gone, writer);
}

fn write_gone<'t>(
    between: &Between<'t>,
    pairing: &Pairing<'t>,
    gone: &[(Variable<'t>, &Question<'t>)],
    writer: &mut Writer,
) {
    let added: Vec<Variable<'t>> =
        pairing.variables.iter().filter(|pair| pair.old.is_none()).filter_map(|pair| pair.new).collect();
    let shape = |variable: &Variable<'_>| spell::type_name(variable.ty(), Anonymous::WrittenOut);
    let mut left = Vec::new();
    for (variable, question) in gone {
        // A member of a variable of an anonymous type has no statement of its own; neither has a static local.
        let is_whole = question.path().is_empty() && variable.function().is_none();
        let alike = added.iter().filter(|other| shape(other) == shape(variable)).map(|other| other.name());
        let guesses = if is_whole { guess::alike(variable.name(), alike) } else { Vec::new() };
        if guesses.is_empty() {
            left.push((*variable, *question));
            continue;
        }
        writer.blank();
        let place = Place { path: String::new(), ..question_place(question) };
        let text = format!("`{}` is gone: is it another one now?", declared(&place, variable.name()));
        writer.hole("", "", &text);
        for name in guesses {
            let line = format!("global {} -> {name}", symbol(*variable, (between.old, between.new)));
            Guess::new(line, "the same type and a like name").write("", writer);
        }
        Guess::new(format!("global {} drop", symbol(*variable, (between.old, between.new))), "")
            .write("", writer);
    }
    // By source file: whoever knows one of them knows the others.
    let mut files: Vec<(&str, Vec<(Variable<'t>, &Question<'t>)>)> = Vec::new();
    for (variable, question) in left {
        let file = variable.unit().map_or("", |unit| unit.name()).rsplit('/').next().unwrap_or("");
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, of_file)) => of_file.push((variable, question)),
            None => files.push((file, vec![(variable, question)])),
        }
    }
    files.sort_by_key(|(name, _)| *name);
    for (file, gone) in files {
        writer.blank();
        let names: Vec<String> = gone.iter().map(|(variable, question)| spelt(*variable, question)).collect();
        let is = if gone.len() == 1 { "is" } else { "are" };
        // All names are in the question: it stands for each of them.
        writer.hole("", "", &format!("{} of {file} {is} gone: given up, or kept elsewhere?", listed(&names)));
        for (variable, question) in gone {
            if question.path().is_empty() {
                let at =
                    variable.function().map_or(String::new(), |function| format!("in {}()", function.name()));
                let line = format!("global {} drop", symbol(variable, (between.old, between.new)));
                let declaration = declared(&question_place(question), variable.name());
                Guess::new(line, format!("`{declaration}` {at}").trim_end()).write("", writer);
            }
        }
    }
}

fn question_place<'t>(question: &Question<'t>) -> Place<'t> {
    question.old.clone().or_else(|| question.new.clone()).unwrap_or_else(|| Place {
        path: String::new(),
        bit_offset: 0,
        bit_size: None,
        ty: None,
        alternatives: Vec::new(),
    })
}

fn spelt(variable: Variable<'_>, question: &Question<'_>) -> String {
    match question.path() {
        "" => variable.name().to_owned(),
        path => format!("{}.{path}", variable.name()),
    }
}

/// All of them: a hole stands for what it names.
fn listed(names: &[String]) -> String {
    match names {
        [.., last] if names.len() > 3 => {
            format!("{} and {last}", names.get(..names.len() - 1).unwrap_or_default().join(", "))
        }
        names => some_of(names),
    }
}

/// A variable by its name, with its source file if there are several of the name.
pub(super) fn symbol(variable: Variable<'_>, (old, new): (&Table, &Table)) -> String {
    let name = variable.name();
    let count = |table: &Table| table.variables_named(name).count();
    let unit = variable.unit().map_or("", |unit| unit.name());
    let file = unit.rsplit('/').next().unwrap_or(unit);
    if count(old).max(count(new)) > 1 && !file.is_empty() {
        format!("{name}@{}", super::write::text(file))
    } else {
        name.to_owned()
    }
}
