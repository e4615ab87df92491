//! What is told of a conflict besides its message: how a root leads to it, C declarations of both releases, who made memory without a type.
//!
//! It is found when all conflicts are: for the example of each, not for each object.
//!
//! What it does not do: the rule that settles it (`settle`).

use super::Scene;
use super::codes::Code;
use super::conflict::{Conflict, Hint};
use super::settle::Settler;
use crate::side::Spot;
use crate::verify;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Declared, Table, Type, Variable};
use mcrx_dsl::diagnostic::{Declaration, Release};
use mcrx_dsl::eval::Reason;
use mcrx_dsl::names;
use mcrx_dsl::pairing::{Place, Question, VariablePair, declared};
use mcrx_dsl::rules::Symbol;
use mcrx_tracer::graph::SiteKey;

/// Members up to which a structure is written out.
const MOST_MEMBERS: usize = 12;

/// Callers that are named of what made a block.
const MOST_CALLERS: usize = 4;

/// Completes them.
pub(super) fn complete(scene: &Scene<'_>, conflicts: &mut [Conflict]) {
    let settler = Settler::new(scene);
    let addresses: Vec<u64> = conflicts.iter().map(|conflict| conflict.address).collect();
    for (conflict, path) in conflicts.iter_mut().zip(verify::paths(scene.now.trace, &addresses)) {
        conflict.path = path;
        let subject = scene.subject(conflict);
        conflict.known = scene.known(conflict);
        conflict.declarations = subject.declarations(&conflict.member);
        conflict.rule = settler.rule(conflict, &subject).unwrap_or_default();
    }
}

impl Hint {
    /// Of a value that cannot be made.
    pub(super) fn of(reason: &Reason) -> Hint {
        let is_too_large = matches!(reason, Reason::DoesNotFit { .. });
        Hint::Failed { is_absence: reason.is_absence(), is_too_large }
    }
}

/// What a conflict is about, in the debug info of both releases.
#[derive(Debug, Default)]
pub(super) struct Subject<'s, 't> {
    pub(super) types: (Option<Type<'t>>, Option<Type<'t>>),
    pub(super) variables: (Option<Variable<'t>>, Option<Variable<'t>>),
    pub(super) question: Option<&'s Question<'t>>,
}

impl<'a> Scene<'a> {
    pub(super) fn subject(&self, conflict: &Conflict) -> Subject<'_, 'a> {
        let question = match conflict.hint {
            Hint::Asked(number) => self.pairing.questions.get(number),
            _ if conflict.code == Code::Question => {
                let is_it = |question: &&Question<'_>| {
                    question.path() == conflict.member && question.text() == conflict.message
                };
                self.pairing.questions.iter().find(is_it)
            }
            _ => None,
        };
        let variables = self.variables_of(conflict);
        let types = match variables {
            (None, None) => self.types_of(conflict),
            _ => (None, None),
        };
        Subject { types, variables, question }
    }

    /// The variable that it is about, if it is about none of the blocks.
    fn variables_of(&self, conflict: &Conflict) -> (Option<Variable<'a>>, Option<Variable<'a>>) {
        let of = |pair: Option<&VariablePair<'a>>| pair.map_or((None, None), |pair| (pair.old, pair.new));
        let mut pairs = self.pairing.variables.iter();
        if let Hint::Variable(id) = conflict.hint {
            return of(pairs.find(|pair| pair.old.is_some_and(|old| old.id() == id)));
        }
        match self.now.spot(conflict.address) {
            Spot::Variable { variable, .. } if conflict.address != 0 => {
                of(pairs.find(|pair| pair.old.is_some_and(|old| old.id() == variable.id())))
            }
            _ => (None, None),
        }
    }

    /// The type that it is about: by its name, which the example's has if there are several.
    fn types_of(&self, conflict: &Conflict) -> (Option<Type<'a>>, Option<Type<'a>>) {
        let bare = bare(&conflict.object);
        let at = self.now.trace.blocks.at(conflict.address).and_then(|(number, offset)| {
            let len = self.now.trace.blocks.get(number)?.len;
            let object = self.now.trace.marked.object_at(self.now.trace.model, len, number, offset)?;
            self.old_type(object.ty)
        });
        let is_it = |ty: &Type<'_>| {
            ty.name() == Some(bare) || self.pairing.of_old(*ty).is_some_and(|(_, pair)| pair.name == bare)
        };
        // An object that goes by its path has its type from its place.
        let is_path = named(self.now.table, bare).is_none() && named(self.new.table, bare).is_none();
        let pair = self.pairing.types.iter().find(|pair| pair.name == bare);
        let old = at.filter(|ty| is_path && bare_is_path(bare) || is_it(ty));
        let old = old.or_else(|| named(self.now.table, bare)).or_else(|| pair?.old.first().copied());
        let new =
            old.and_then(|ty| self.pairing.of_old(ty)).and_then(|(_, pair)| Some(pair.made.first()?.ty));
        (old, new.or_else(|| named(self.new.table, bare)))
    }

    /// What is known of a block without a type.
    fn known(&self, conflict: &Conflict) -> String {
        let Some((number, _)) = self.now.trace.blocks.at(conflict.address) else { return String::new() };
        if self.now.trace.marked.ty(number).is_some() {
            return String::new();
        }
        let Some(block) = self.now.trace.blocks.get(number) else { return String::new() };
        let area = self.now.trace.blocks.area(number);
        let made_by = match area {
            Some(area) => area.name.clone(),
            None => format!("made by {}", self.callers(block.site).join(" < ")),
        };
        format!("{} bytes without a type, {made_by}", block.requested)
    }

    /// The functions that a block was made in, innermost first.
    pub(super) fn callers(&self, site: Option<SiteKey>) -> Vec<String> {
        let trace = self.now.trace;
        let site = site.and_then(|key| trace.known.sites.get(key));
        let frames = site.into_iter().flat_map(|site| site.frames());
        let name = |frame| {
            let address = trace.process.frame_address(&frame)?;
            // The call is before the address that it returns to.
            let (name, _) = trace.known.debug.function(trace.process, address.checked_sub(1)?)?;
            Some(name.to_owned())
        };
        let mut names: Vec<String> =
            frames.map(|frame| name(frame).unwrap_or_else(|| "?".to_owned())).take(MOST_CALLERS).collect();
        if names.is_empty() {
            names.push("code that was not recorded".to_owned());
        }
        names
    }

    /// What blocks without a type have in common: who made them.
    pub(super) fn like_untyped(&self, number: u32) -> String {
        match (self.now.trace.blocks.area(number), self.now.trace.blocks.get(number)) {
            (None, Some(block)) => format!("{:?}", block.site),
            (area, _) => area.map_or_else(String::new, |area| area.name.clone()),
        }
    }
}

fn bare_is_path(text: &str) -> bool {
    text.contains(['.', '>', '[', '*'])
}

pub(super) fn bare(name: &str) -> &str {
    ["struct ", "union ", "enum "].iter().find_map(|word| name.strip_prefix(word)).unwrap_or(name)
}

/// The only type of a name.
pub(super) fn named<'t>(table: &'t Table, name: &str) -> Option<Type<'t>> {
    let symbol = Symbol { name: name.to_owned(), unit: None };
    names::named_type(table, &symbol).into_iter().next()
}

impl Subject<'_, '_> {
    fn declarations(&self, member: &str) -> Vec<Declaration> {
        let asked = self.question.map(Question::declarations).unwrap_or_default();
        if asked.len() == 2 {
            return asked;
        }
        let member =
            if member.is_empty() { self.question.map_or("", |question| question.path()) } else { member };
        let of = |release, variable: Option<Variable<'_>>, ty: Option<Type<'_>>| match (variable, ty) {
            (Some(variable), _) => Some(of_variable(release, variable, member)),
            (None, Some(ty)) => Some(of_type(release, ty, member)),
            (None, None) => None,
        };
        let old = of(Release::Old, self.variables.0, self.types.0);
        let new = of(Release::New, self.variables.1, self.types.1);
        // A question knows where a member was that has another name now.
        let own = |release| asked.iter().find(|one: &&Declaration| one.release == release).cloned();
        [own(Release::Old).or(old), own(Release::New).or(new)].into_iter().flatten().collect()
    }
}

fn of_variable(release: Release, variable: Variable<'_>, member: &str) -> Declaration {
    let place = variable.ty().filter(|_| !member.is_empty()).and_then(|ty| Place::named(ty, member));
    let text = match &place {
        Some(place) => declared(place, variable.name()),
        None => spell::declaration(variable.ty(), variable.name(), Anonymous::LeftOut),
    };
    Declaration { release, text: format!("{text};"), place: line(variable.declared()) }
}

/// A member, or the type as a whole where it has none of the name.
fn of_type(release: Release, ty: Type<'_>, member: &str) -> Declaration {
    let member = member.trim_start_matches(|letter: char| "[]0123456789.".contains(letter));
    let place = if member.is_empty() { None } else { Place::named(ty, member) };
    let text = match &place {
        Some(place) => format!("{};", declared(place, "")),
        None => written_out(ty),
    };
    Declaration { release, text, place: line(ty.declared()) }
}

/// `struct conn { int fd; struct conn *next; };`, if it is not too long.
fn written_out(ty: Type<'_>) -> String {
    let name = spell::type_name(Some(ty), Anonymous::LeftOut);
    if !ty.tag().is_aggregate() {
        return format!("{name};");
    }
    let count = ty.members().len();
    let size = ty.size().unwrap_or(0);
    if count > MOST_MEMBERS {
        return format!("{name} {{ ... }}; /* {count} members, {size} bytes */");
    }
    let members = ty.members().map(|member| {
        let text = spell::declaration(member.ty(), member.name().unwrap_or_default(), Anonymous::LeftOut);
        match member.bit_size() {
            Some(bits) => format!("{text} : {bits}; "),
            None => format!("{text}; "),
        }
    });
    format!("{name} {{ {}}}; /* {size} bytes */", members.collect::<String>())
}

fn line(at: Declared<'_>) -> Option<(String, u32)> {
    (at.line > 0).then(|| (at.file.to_owned(), at.line))
}
