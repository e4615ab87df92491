//! What was said to be meant so.

use super::Context;
use crate::codes;
use crate::diagnostic::{Class, Diagnostic};
use crate::rules::Allow;

impl Context<'_> {
    /// Findings without those that the rules allow, and with what is wrong about allowing.
    pub(crate) fn without_allowed(&self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let silences = |allow: &Allow, diagnostic: &Diagnostic| {
            diagnostic.code == allow.code.is
                && diagnostic.span.file == allow.span.file
                && diagnostic.span.start >= allow.span.start
        };
        let mut all: Vec<Diagnostic> = Vec::new();
        for allow in &self.rules.allowed {
            let code = allow.code.is;
            if codes::of(code).is_none() {
                all.push(codes::unknown_code::report(code, allow.code.span));
                continue;
            }
            if allow.because.is.trim().is_empty() {
                all.push(codes::no_reason::report(code, allow.because.span));
            }
            if !found.iter().any(|diagnostic| silences(allow, diagnostic)) && self.can_be_found(allow) {
                let before = found.iter().find(|it| it.code == code && it.span.file == allow.span.file);
                let before = before.map(|diagnostic| diagnostic.span);
                all.push(codes::unused_allow::report(code, allow.code.span, before));
            }
        }
        let is_left =
            |diagnostic: &Diagnostic| !self.rules.allowed.iter().any(|allow| silences(allow, diagnostic));
        all.extend(found.into_iter().filter(is_left));
        all
    }

    /// Whether what is allowed would be found if it were there: most of it takes the debug info of both releases. What a facts file says of
    /// names that not all releases have is not found in those that have them.
    fn can_be_found(&self, allow: &Allow) -> bool {
        let is_about_names = allow.code.is.class() == Class::Resolution
            || allow.code.is == codes::fact_without_subject::ENTRY.code;
        let is_of_facts = self
            .rules
            .facts
            .iter()
            .any(|fact| fact.span.file == allow.span.file && fact.span.start >= allow.span.start);
        let has_both = self.releases.old.is_some() && self.releases.new.is_some();
        let has_one = self.releases.old.is_some() && self.rules.changes.is_empty();
        (has_both || has_one) && !(is_about_names && is_of_facts)
    }
}
