//! What changed between the releases and nobody has said anything of: the questions of [`crate::pairing`] as findings.
//!
//! Each is put where the type is spoken of, else where the release is.

use super::Context;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::eval::Lookup;
use crate::migrate::Migration;
use crate::pairing::{About, Asked, Live, Pairing, Question};
use crate::source::{FileId, Span};

impl<'a> Context<'a> {
    /// `live`: where objects can be. `None`: that is not known; then only types of which the rules speak are asked about.
    pub(crate) fn check_questions(&self, live: Option<&Live>) {
        let (Some(old), Some(new)) = (self.releases.old, self.releases.new) else { return };
        // Facts alone are of no update.
        if self.rules.to.is_none() && self.rules.changes.is_empty() {
            return;
        }
        let pairing = Pairing::of(old, new, self.rules);
        // What evaluating cannot do though nothing was found against it: nothing that is passed here is refused later for its form.
        let (_, mistakes) = Migration::compile(&pairing, self.rules, &Lookup::new(old), &Lookup::new(new));
        for mistake in mistakes {
            self.report(codes::impossible_expression::report(mistake.message, mistake.span));
        }
        let everywhere = Live::all();
        for (_, question) in pairing.questions_about(live.unwrap_or(&everywhere)) {
            let spoken_of = spoken_of(&pairing, question);
            if live.is_some() || spoken_of.is_some() {
                self.report(self.question(&pairing, question, spoken_of.unwrap_or_else(|| self.header())));
            }
        }
    }

    /// Where the rules say which release they are for.
    fn header(&self) -> Span {
        let headers = [&self.rules.to, &self.rules.from, &self.rules.program];
        let nowhere = Span { file: FileId(0), start: 0, end: 0 };
        headers.into_iter().flatten().next().map_or(nowhere, |header| header.span)
    }

    fn question(&self, pairing: &Pairing<'a>, question: &Question<'a>, span: Span) -> Diagnostic {
        let path = question.path();
        let (name, is_variable) = match question.about {
            About::Pair(id) => (pairing.pair(id).map_or("", |pair| pair.name), false),
            About::Variable { old, new } => (old.or(new).map_or("", |variable| variable.name()), true),
        };
        let place = match (is_variable, path.is_empty()) {
            (true, _) | (false, true) => name.to_owned(),
            (false, false) => format!("{name}.{path}"),
        };
        let say =
            |item: &str| if is_variable { item.to_owned() } else { format!("type {name} {{ {item} }}") };
        let message = if is_variable { question.text() } else { format!("`{name}`: {}", question.text()) };
        let mut declarations = question.declarations();
        if declarations.iter().all(|declaration| declaration.place.is_none()) {
            declarations = self.declare_question(pairing, question).unwrap_or(declarations);
        }
        let help = match &question.asked {
            Asked::FirstValue => say(&format!("{path} = ...")),
            Asked::Gone if is_variable => format!("global {name} drop`, or `global {name} -> ..."),
            Asked::Gone => format!("type {name} {{ drop {path} }}`, or `{path} -> ..."),
            Asked::Narrowed => say(&format!("{path} = clamp(old.{path})")),
            Asked::Shrunk => say(&format!("{path} = old.{path}[0 .. N]")),
            Asked::Union => format!("field {place} : match ... {{ ... }}"),
            Asked::Constants(_) if !path.is_empty() => {
                say(&format!("{path} = match old.{path} {{ ...  _ => fail(\"...\") }}"))
            }
            Asked::Constants(_) => {
                "match old.MEMBER { ... }` where the value is a member, or `_ => fail(\"...\")".to_owned()
            }
            Asked::Container { count, stride } => {
                format!("field {place} : TYPE[{count}] stride {stride}")
            }
            Asked::Flexible => format!("field {place} : infer[COUNT]"),
            Asked::Retyped | Asked::Counter { .. } | Asked::Renumbered(_) => say(&format!("{path} = ...")),
        };
        let help = format!("say `{help}`");
        let report = match &question.asked {
            Asked::FirstValue => codes::no_first_value::report,
            Asked::Gone => codes::state_lost::report,
            Asked::Retyped => codes::retyped::report,
            Asked::Narrowed => codes::narrowing::unsaid,
            Asked::Shrunk => codes::elements_lost::report,
            Asked::Union => codes::union_changed::report,
            Asked::Constants(_) | Asked::Renumbered(_) => codes::constants_gone::report,
            Asked::Flexible | Asked::Container { .. } => codes::elements_unknown::report,
            Asked::Counter { .. } => codes::counter_kept::report,
        };
        report(&message, &help, declarations, span)
    }

    /// The structures of both releases, with the member that is asked about.
    fn declare_question(
        &self,
        pairing: &Pairing<'a>,
        question: &Question<'a>,
    ) -> Option<Vec<crate::diagnostic::Declaration>> {
        use crate::diagnostic::Release;
        let About::Pair(id) = question.about else { return None };
        let pair = pairing.pair(id)?;
        let (old, new) = (pair.old.first()?, &pair.made.first()?.ty);
        let first = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let of = |place: &Option<crate::pairing::Place<'a>>| place.as_ref().map(|place| first(&place.path));
        let mut names: Vec<String> = [of(&question.old), of(&question.new)].into_iter().flatten().collect();
        if let (Asked::Constants(gone), true) = (&question.asked, question.path().is_empty()) {
            names = gone.iter().map(|constant| constant.name.to_owned()).collect();
        }
        Some(vec![
            self.declare_members(Release::Old, *old, &names),
            self.declare_members(Release::New, *new, &names),
        ])
    }
}

/// Where the rules speak of what is asked about.
fn spoken_of(pairing: &Pairing<'_>, question: &Question<'_>) -> Option<Span> {
    let About::Pair(id) = question.about else { return None };
    let rule = pairing.pair(id)?.rule?;
    rule.from.first().map(|name| name.span)
}
