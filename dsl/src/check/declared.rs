//! What the program's source declares, as a diagnostic shows it.

use super::Context;
use crate::diagnostic::{Declaration, Release};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Declared, Function, Member, Tag, Type, Variable};

/// How many members or constants are shown if none is asked for. The largest structures have some hundreds.
const MOST_MEMBERS: usize = 8;

impl Context<'_> {
    /// A type as C spells it, with its keyword.
    pub(crate) fn spelt(&self, ty: Type<'_>) -> String {
        let spelt = spell::type_name(Some(ty), Anonymous::LeftOut);
        if ty.name().is_some() || !spelt.contains("...") {
            return spelt;
        }
        // An anonymous one goes by the typedef that names it.
        typedef_of(ty).map_or(spelt, ToOwned::to_owned)
    }

    /// The type of something, as it is declared.
    pub(crate) fn spelt_declared(&self, ty: Option<Type<'_>>) -> String {
        spell::type_name(ty, Anonymous::LeftOut)
    }

    /// The name by which rules speak of a type.
    pub(crate) fn type_name(&self, ty: Type<'_>) -> String {
        let name = ty.name().or_else(|| typedef_of(ty));
        name.map_or_else(|| spell::type_name(Some(ty), Anonymous::LeftOut), ToOwned::to_owned)
    }

    /// The declaration of a type, with some of its members or constants.
    pub(crate) fn declare(&self, release: Release, ty: Type<'_>) -> Declaration {
        self.declare_members::<&str>(release, ty, &[])
    }

    /// The same with these members, if it has them. None: with the first ones.
    pub(crate) fn declare_members<S: AsRef<str>>(
        &self,
        release: Release,
        ty: Type<'_>,
        members: &[S],
    ) -> Declaration {
        let is_wanted = |name: Option<&str>| {
            name.is_some_and(|name| members.iter().any(|wanted| wanted.as_ref() == name))
        };
        let head = self.spelt(ty);
        let lines: Vec<(String, bool)> = if ty.tag() == Tag::Enumeration {
            let constant = |name: &str, value| format!("    {name} = {},", spell::constant(value, ty));
            ty.enumerators().map(|it| (constant(it.name, it.value), is_wanted(Some(it.name)))).collect()
        } else {
            ty.members()
                .map(|member| (format!("    {};", declared_member(member)), is_wanted(member.name())))
                .collect()
        };
        let is_left_out = !members.is_empty() && !lines.iter().any(|(_, is_wanted)| *is_wanted);
        let text = if lines.is_empty() {
            format!("{head};")
        } else if is_left_out {
            format!("{head} {{ ... }};")
        } else {
            format!("{head} {{\n{}}};", some_of(&lines))
        };
        Declaration { release, text, place: place(ty.declared()) }
    }

    /// The declaration of a variable.
    pub(crate) fn declare_global(&self, release: Release, variable: Variable<'_>) -> Declaration {
        let word = if variable.is_external() { "" } else { "static " };
        let text =
            format!("{word}{};", spell::declaration(variable.ty(), variable.name(), Anonymous::LeftOut));
        Declaration { release, text, place: place(variable.declared()) }
    }

    /// The declaration of a function.
    pub(crate) fn declare_function(&self, release: Release, function: Function<'_>) -> Declaration {
        let parameters: Vec<String> = function
            .parameters()
            .map(|parameter| spell::declaration(parameter.ty, parameter.name, Anonymous::LeftOut))
            .collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let name = format!("{}({parameters})", function.name());
        let text = format!("{};", spell::declaration(function.returns(), &name, Anonymous::LeftOut));
        Declaration { release, text, place: place(function.declared()) }
    }
}

/// Lines, those that are wanted or else the first ones, with dots for what is left out.
fn some_of(lines: &[(String, bool)]) -> String {
    let all_fit = lines.len() <= MOST_MEMBERS;
    let is_any_wanted = lines.iter().any(|(_, is_wanted)| *is_wanted);
    let mut text = String::new();
    let mut is_gap = false;
    for (number, (line, is_wanted)) in lines.iter().enumerate() {
        if all_fit || *is_wanted || (!is_any_wanted && number < MOST_MEMBERS) {
            text.push_str(line);
            text.push('\n');
            is_gap = false;
        } else if !is_gap {
            text.push_str("    ...\n");
            is_gap = true;
        }
    }
    text
}

/// A member as C declares it.
fn declared_member(member: Member<'_>) -> String {
    let text = spell::declaration(member.ty(), member.name().unwrap_or_default(), Anonymous::LeftOut);
    match member.bit_size() {
        Some(bits) => format!("{text} : {bits}"),
        None => text,
    }
}

fn place(declared: Declared<'_>) -> Option<(String, u32)> {
    (declared.line != 0 && !declared.file.is_empty()).then(|| (declared.file.to_owned(), declared.line))
}

/// The first typedef that names an anonymous type.
fn typedef_of(ty: Type<'_>) -> Option<&str> {
    let mut types = ty.table().types();
    types.find(|other| other.tag() == Tag::Typedef && other.target() == Some(ty)).and_then(Type::name)
}
