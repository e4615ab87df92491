//! What becomes of a type from one release to the next, member by member, for people and for programs.

use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_dsl::load::Loaded;
use mcrx_dsl::pairing::{
    About, Asked, Body, Conversion, Elements, Made, MemberPair, Number, Origin, Pairing, Place, Pointee,
    TypePair, declared,
};
use mcrx_dsl::rules::Which;
use mcrx_dsl::source::Span;
use serde::Serialize;

/// Of a member whose bytes are right.
const STAYS: &str = "stays as it is";
/// Of a pointer to what stays what it is.
const SAME_TARGET: &str = "points to the same";
/// Below a member's declaration.
const INDENT: &str = "                   ";

/// A type of both releases.
#[derive(Debug, Serialize)]
pub(super) struct Migration {
    name: String,
    size_before: Option<u64>,
    size_after: Option<u64>,
    /// Nothing has to be done: its bytes stay what they are.
    same: bool,
    members: Vec<MemberFacts>,
    gone: Vec<GoneFacts>,
}

/// A member of the new release.
#[derive(Debug, Serialize)]
struct MemberFacts {
    path: String,
    declaration: String,
    offset: u64,
    offset_before: Option<u64>,
    /// What it is made from, in words.
    from: String,
    /// That is a question that somebody has to answer.
    open: bool,
}

/// A member that only the old release has.
#[derive(Debug, Serialize)]
struct GoneFacts {
    path: String,
    declaration: String,
    becomes: String,
    open: bool,
}

/// Where the words for it come from.
pub(super) struct Explainer<'a, 't> {
    pub(super) pairing: &'a Pairing<'t>,
    pub(super) rules: Option<&'a Loaded>,
}

impl<'t> Explainer<'_, 't> {
    pub(super) fn migration(&self, pair: &TypePair<'t>) -> Migration {
        let mut members = Vec::new();
        for made in &pair.made {
            self.members(pair, made, &mut members);
        }
        let given_up = |place: &Place<'t>| GoneFacts {
            path: place.path.clone(),
            declaration: declared(place, ""),
            becomes: "given up on purpose".to_owned(),
            open: false,
        };
        let mut gone: Vec<GoneFacts> = pair.dropped.iter().map(given_up).collect();
        let is_about = |about: About<'t>| match about {
            About::Pair(id) => self.pairing.pair(id).is_some_and(|other| std::ptr::eq(other, pair)),
            About::Variable { .. } => false,
        };
        let asked = self.pairing.questions.iter();
        for question in
            asked.filter(|question| matches!(question.asked, Asked::Gone) && is_about(question.about))
        {
            let Some(place) = &question.old else { continue };
            gone.push(GoneFacts {
                path: place.path.clone(),
                declaration: declared(place, ""),
                becomes: question.text(),
                open: true,
            });
        }
        Migration {
            name: pair.name.to_owned(),
            size_before: pair.old.first().and_then(|ty| ty.size()),
            size_after: pair.made.first().and_then(|made| made.ty.size()),
            same: pair.is_same,
            members,
            gone,
        }
    }

    fn members(&self, pair: &TypePair<'t>, made: &Made<'t>, found: &mut Vec<MemberFacts>) {
        let several = (pair.made.len() > 1).then(|| spell::type_name(Some(made.ty), Anonymous::LeftOut));
        match &made.body {
            Body::Same => {}
            Body::Members(members) => {
                found.extend(members.iter().map(|member| self.member(member, several.as_deref())));
            }
            Body::Union(_) => {
                found.push(self.whole(made, "all of its bytes, whichever member counts", false))
            }
            Body::Constants(constants, ..) => {
                let renumbered: Vec<String> = constants
                    .renumbered()
                    .map(|(name, old, new)| format!("{name} was {old} and is {new}"))
                    .collect();
                let from = match renumbered.is_empty() {
                    true => "by the names of its constants, which have their values".to_owned(),
                    false => format!("by the names of its constants: {}", renumbered.join(", ")),
                };
                found.push(self.whole(made, &from, false));
            }
            Body::Open(id) => {
                let text = self.pairing.question(*id).map_or_else(String::new, |question| question.text());
                found.push(self.whole(made, &text, true));
            }
        }
        found.extend(made.parts.iter().map(|member| self.member(member, several.as_deref())));
    }

    /// Of what has no members to speak of.
    fn whole(&self, made: &Made<'t>, from: &str, open: bool) -> MemberFacts {
        MemberFacts {
            path: String::new(),
            declaration: spell::type_name(Some(made.ty), Anonymous::LeftOut),
            offset: 0,
            offset_before: Some(0),
            from: from.to_owned(),
            open,
        }
    }

    fn member(&self, member: &MemberPair<'t>, of: Option<&str>) -> MemberFacts {
        let (before, from, open) = match &member.origin {
            Origin::Old { from, conversion, .. } => {
                let how = self.conversion(conversion);
                let named = from.path != member.to.path && !from.path.is_empty();
                let how = if named { format!("from `{}`: {how}", from.path) } else { how };
                (Some(from.offset()), how, false)
            }
            Origin::Set(value) => (None, format!("set by a rule: {}", self.written(value.span)), false),
            Origin::Reset => (None, "as the new release's start-up leaves it".to_owned(), false),
            Origin::Parts(_) => (None, "new, and set by rules member by member".to_owned(), false),
            Origin::Open(id) => {
                let question = self.pairing.question(*id);
                let before = question.and_then(|question| question.old.as_ref()).map(Place::offset);
                (before, question.map_or_else(String::new, |question| question.text()), true)
            }
        };
        let kept = match member.keep {
            Some(Which::Old) => "; where both releases have made the object, the old value",
            Some(Which::New) => "; where both releases have made the object, the new value",
            None => "",
        };
        let path = match of {
            Some(of) => format!("{of}.{}", member.to.path),
            None => member.to.path.clone(),
        };
        MemberFacts {
            declaration: declared(&member.to, ""),
            path,
            offset: member.to.offset(),
            offset_before: before,
            from: format!("{from}{kept}"),
            open,
        }
    }

    fn conversion(&self, conversion: &Conversion<'t>) -> String {
        match conversion {
            Conversion::Same => STAYS.to_owned(),
            Conversion::Pointer(Pointee::Pair(id)) => match self.pairing.pair(*id) {
                Some(pair) if !pair.is_same => format!("points to the same, a {} that changes", pair.name),
                _ => SAME_TARGET.to_owned(),
            },
            Conversion::Pointer(Pointee::Beside(id, made)) => {
                let made = self.pairing.pair(*id).and_then(|pair| Some((pair.name, pair.made.get(*made)?)));
                let name = |made: &Made<'t>| made.ty.name().unwrap_or("?").to_owned();
                made.map_or_else(String::new, |(from, made)| {
                    format!("points to the {} that is split off the {from}", name(made))
                })
            }
            Conversion::Pointer(Pointee::Function) => "points to the function of the same name".to_owned(),
            Conversion::Pointer(Pointee::Text | Pointee::Other) => SAME_TARGET.to_owned(),
            Conversion::Pointer(Pointee::Opaque) => "points to the same, whatever it is".to_owned(),
            Conversion::Number { from, to } => numbers(*from, *to),
            Conversion::Constants(constants, ..) if constants.are_same() => STAYS.to_owned(),
            Conversion::Constants(..) => "by the names of its constants".to_owned(),
            Conversion::Array { element, from, to } => self.array(element, *from, *to),
            Conversion::Pair(id) => match self.pairing.pair(*id) {
                Some(pair) if !pair.is_same => format!("as {} changes", pair.name),
                _ => STAYS.to_owned(),
            },
            Conversion::Members(_) => "member by member".to_owned(),
            Conversion::Union(_) => "all of its bytes, whichever member counts".to_owned(),
        }
    }

    fn array(&self, element: &Conversion<'t>, from: Elements, to: Elements) -> String {
        let each = self.conversion(element);
        match (from.count, to.count) {
            (Some(before), Some(after)) if before < after => {
                format!("each of its {before} elements {each}; {} more are zero", after - before)
            }
            _ => format!("each element {each}"),
        }
    }

    /// What a rule says, on one line.
    fn written(&self, span: Span) -> String {
        let text = self.rules.map_or("", |rules| rules.files.at(span));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn numbers(from: Number, to: Number) -> String {
    if from == to {
        STAYS.to_owned()
    } else if from.fits(to) {
        format!("the same number, of {} bits before", from.bits)
    } else {
        format!("the same number, of {} bits before; one that does not fit stops the update", from.bits)
    }
}

impl Migration {
    /// Lines for a person.
    pub(super) fn lines(&self) -> Vec<String> {
        let size = |size: Option<u64>| size.map_or_else(|| "?".to_owned(), |size| size.to_string());
        let (before, after) = (size(self.size_before), size(self.size_after));
        let sizes =
            if before == after { format!("{after} bytes") } else { format!("{before} -> {after} bytes") };
        let verdict = if self.same { "; stays as it is, at any depth" } else { "" };
        let mut lines = vec![format!("{}: {sizes}{verdict}", self.name)];
        if !self.members.is_empty() {
            lines.push(format!("\n  {:>6} {:>6}  member", "was at", "is at"));
        }
        for member in &self.members {
            let before = member.offset_before.map_or_else(String::new, |offset| offset.to_string());
            let mark = if member.open { "?" } else { " " };
            lines.push(format!("{mark} {before:>6} {:>6}  {}", member.offset, member.declaration));
            // What needs no words has none.
            if ![STAYS, SAME_TARGET].contains(&member.from.as_str()) {
                lines.push(format!("{INDENT}{}", member.from));
            }
        }
        for gone in &self.gone {
            let mark = if gone.open { "?" } else { " " };
            lines.push(format!("{mark}        {:>6}  {}", "gone", gone.declaration));
            lines.push(format!("{INDENT}{}", gone.becomes));
        }
        lines
    }

    /// How many questions are open.
    pub(super) fn questions(&self) -> usize {
        self.members.iter().filter(|member| member.open).count()
            + self.gone.iter().filter(|gone| gone.open).count()
    }
}
