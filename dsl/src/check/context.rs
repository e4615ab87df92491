//! What every check is given: the rules, the releases, what is asked of them again and again; and where findings go.

use super::defines::{self, Define};
use crate::diagnostic::{Declaration, Diagnostic, Release};
use crate::names::{self, Constants, Place, nearest};
use crate::releases::Releases;
use crate::rules::{Rules, Symbol};
use crate::source::{Files, Span};
use mcrx_debuginfo::compare::{Comparison, compare};
use mcrx_debuginfo::table::{Table, Tag, Type};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, OnceCell, RefCell};

/// How often names like one that is not there are looked for: each time looks at all names of a program.
const MOST_SUGGESTIONS: u32 = 200;

pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) files: &'a Files,
    pub(crate) releases: Releases<'a>,
    /// Variants by name, with where each is said to be.
    pub(crate) variants: FxHashMap<&'a str, (&'a Symbol, Span)>,
    pub(crate) variants_used: RefCell<FxHashSet<&'a str>>,
    pub(crate) defines: FxHashMap<&'a str, Define<'a>>,
    /// The releases have changed places: the new one runs, and the old one is to run.
    is_way_back: bool,
    found: RefCell<Vec<Diagnostic>>,
    constants: [OnceCell<Constants<'a>>; 2],
    comparison: OnceCell<Comparison<'a, 'a>>,
    suggestions: Cell<u32>,
    /// What a type's name means, by release: the same names come again and again.
    types: RefCell<FxHashMap<(Release, &'a Symbol), Vec<Type<'a>>>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(rules: &'a Rules, files: &'a Files, releases: Releases<'a>) -> Context<'a> {
        let variants = rules.facts.iter().filter_map(|fact| match &fact.is {
            crate::rules::Fact::Variant { name, of, .. } => Some((name.is.as_str(), (&of.is, name.span))),
            _ => None,
        });
        Context {
            rules,
            files,
            releases,
            variants: variants.collect(),
            variants_used: RefCell::default(),
            defines: defines::of(rules),
            is_way_back: false,
            found: RefCell::default(),
            constants: Default::default(),
            comparison: OnceCell::new(),
            suggestions: Cell::new(MOST_SUGGESTIONS),
            types: RefCell::default(),
        }
    }

    /// The same for the way back.
    pub(crate) fn way_back(&self) -> Context<'a> {
        let releases = Releases { old: self.releases.new, new: self.releases.old };
        Context { is_way_back: !self.is_way_back, ..Context::new(self.rules, self.files, releases) }
    }

    /// Adds a finding.
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// How many findings there are: what [`Context::take_from`] counts from.
    pub(crate) fn mark(&self) -> usize {
        self.found.borrow().len()
    }

    /// Takes back the findings since a mark.
    pub(crate) fn take_from(&self, mark: usize) -> Vec<Diagnostic> {
        let mut found = self.found.borrow_mut();
        let mark = mark.min(found.len());
        found.split_off(mark)
    }

    /// What a release is called, for people.
    pub(crate) fn called(&self, release: Release) -> String {
        let release = if self.is_way_back { release.other() } else { release };
        super::called(self.rules, self.releases, release)
    }

    pub(crate) fn table(&self, release: Release) -> Option<&'a Table> {
        self.releases.get(release)
    }

    /// All constants of a release, by name.
    pub(crate) fn constants(&self, release: Release) -> Option<&Constants<'a>> {
        let table = self.table(release)?;
        let cell = match release {
            Release::Old => self.constants.first(),
            Release::New => self.constants.last(),
        }?;
        Some(cell.get_or_init(|| Constants::of(table)))
    }

    /// What changed from the old release to the new one.
    pub(crate) fn comparison(&self) -> Option<&Comparison<'a, 'a>> {
        let (old, new) = (self.releases.old?, self.releases.new?);
        Some(self.comparison.get_or_init(|| compare(old, new)))
    }

    /// The types of a name, without a keyword before it.
    pub(crate) fn types(&self, release: Release, symbol: &'a Symbol) -> Vec<Type<'a>> {
        if let Some(found) = self.types.borrow().get(&(release, symbol)) {
            return found.clone();
        }
        let found = self.table(release).map_or_else(Vec::new, |table| names::named_type(table, symbol));
        self.types.borrow_mut().insert((release, symbol), found.clone());
        found
    }

    /// The types of a name, whatever file has them.
    pub(crate) fn types_of_name(&self, release: Release, name: &str) -> Vec<Type<'a>> {
        let symbol = Symbol { name: name.to_owned(), unit: None };
        self.table(release).map_or_else(Vec::new, |table| names::named_type(table, &symbol))
    }

    /// With what may have been meant, or else with this help.
    pub(crate) fn did_you_mean(
        &self,
        found: Diagnostic,
        span: Span,
        near: &[impl AsRef<str>],
        otherwise: &str,
    ) -> Diagnostic {
        match near {
            [] => found.helped(otherwise),
            [one] => {
                let one = one.as_ref();
                found.helped(format!("did you mean `{one}`?")).fixed_by(format!("say `{one}`"), span, one)
            }
            [first, others @ ..] => {
                let first = first.as_ref();
                let others: Vec<String> = others.iter().map(|name| format!("`{}`", name.as_ref())).collect();
                found.helped(format!("did you mean `{first}`, or {}?", others.join(", or "))).fixed_by(
                    format!("say `{first}`"),
                    span,
                    first,
                )
            }
        }
    }

    /// Whether names like one may be looked for once more.
    fn may_suggest(&self) -> bool {
        let left = self.suggestions.get();
        self.suggestions.set(left.saturating_sub(1));
        left > 0
    }

    fn near<'n>(&self, name: &str, known: impl Iterator<Item = &'n str>) -> Vec<String> {
        if !self.may_suggest() {
            return Vec::new();
        }
        nearest::names(name, known).into_iter().map(ToOwned::to_owned).collect()
    }

    pub(crate) fn near_types(&self, release: Release, name: &str) -> Vec<String> {
        let Some(table) = self.table(release) else { return Vec::new() };
        let is_said =
            |ty: &Type<'_>| ty.tag().is_aggregate() || matches!(ty.tag(), Tag::Enumeration | Tag::Typedef);
        let types = table.types().filter(is_said).filter_map(Type::name);
        self.near(name, types.chain(self.variants.keys().copied()))
    }

    pub(crate) fn near_functions(&self, release: Release, name: &str) -> Vec<String> {
        let Some(table) = self.table(release) else { return Vec::new() };
        self.near(name, table.functions().map(|function| function.name()))
    }

    pub(crate) fn near_globals(&self, release: Release, name: &str) -> Vec<String> {
        let Some(table) = self.table(release) else { return Vec::new() };
        self.near(name, table.variables().map(|variable| variable.name()))
    }

    pub(crate) fn near_variants(&self, name: &str) -> Vec<String> {
        self.near(name, self.variants.keys().copied())
    }

    /// A type of this name that the other release has.
    pub(crate) fn type_elsewhere(&self, release: Release, name: &str) -> Option<Type<'a>> {
        let symbol = Symbol { name: name.to_owned(), unit: None };
        names::named_type(self.table(release.other())?, &symbol).first().copied()
    }

    /// The type of a release that is most like one of the other: most of the members of both are of the same names, and the other does
    /// not have it.
    pub(crate) fn similar_type(&self, release: Release, other: Type<'_>) -> Option<Type<'a>> {
        let wanted: FxHashSet<&str> = names::member_names(other).into_iter().collect();
        if !self.may_suggest() || wanted.len() < 2 {
            return None;
        }
        let there = other.table();
        let likeness = |ty: Type<'a>| {
            let own = names::member_names(ty);
            let common = own.iter().filter(|name| wanted.contains(**name)).count();
            (common * 3 >= wanted.len().max(own.len()) * 2).then_some(common)
        };
        let is_only_here = |ty: &Type<'a>| {
            let symbol = Symbol { name: ty.name().unwrap_or_default().to_owned(), unit: None };
            ty.tag() == other.tag() && ty.name().is_some() && names::named_type(there, &symbol).is_empty()
        };
        let candidates = self.table(release)?.types().filter(is_only_here);
        let ranked = candidates.filter_map(|ty| Some((likeness(ty)?, ty)));
        ranked.max_by_key(|(common, _)| *common).map(|(_, ty)| ty)
    }

    /// The same structure in the other release, with its member of this name.
    pub(crate) fn member_elsewhere(
        &self,
        release: Release,
        owner: Type<'_>,
        name: &str,
    ) -> Option<(Type<'a>, Place<'a>)> {
        let symbol = Symbol { name: self.type_name(owner), unit: None };
        let others = names::named_type(self.table(release.other())?, &symbol);
        let has = |ty: Type<'a>| Some((ty, names::member(Place::of(Some(ty)), name).ok()?));
        others.into_iter().find_map(has)
    }

    /// The member that took the place of one of the other release: what comparing both guesses, else one of the same bytes.
    pub(crate) fn similar_member(
        &self,
        release: Release,
        owner: Type<'_>,
        other: Type<'_>,
        name: &str,
        place: Place<'_>,
    ) -> Option<String> {
        let changes = &self.comparison()?.types.changed;
        let change = changes.iter().find(|change| match release {
            Release::Old => change.old.id() == owner.id() && change.new.id() == other.id(),
            Release::New => change.new.id() == owner.id() && change.old.id() == other.id(),
        });
        let guessed = change.into_iter().flat_map(|change| &change.renamed).find_map(|guess| match release {
            Release::Old => (guess.new == name).then(|| guess.old.clone()),
            Release::New => (guess.old == name).then(|| guess.new.clone()),
        });
        guessed.or_else(|| {
            let size = place.declared.and_then(Type::size)?;
            let spelt = self.spelt_declared(place.declared);
            let known: FxHashSet<&str> = names::member_names(other).into_iter().collect();
            let same = owner.members().find(|member| {
                let is_new = member.name().is_some_and(|name| !known.contains(name));
                let is_alike = member.ty().and_then(Type::size) == Some(size)
                    && self.spelt_declared(member.ty()) == spelt;
                is_new && is_alike && Some(member.bit_offset()) == place.bit_offset
            });
            same.and_then(|member| member.name()).map(ToOwned::to_owned)
        })
    }

    pub(crate) fn function_elsewhere(&self, release: Release, name: &str) -> Option<Declaration> {
        let function = self.table(release.other())?.functions_named(name).next()?;
        Some(self.declare_function(release.other(), function))
    }

    pub(crate) fn global_elsewhere(&self, release: Release, name: &str) -> Option<Declaration> {
        let variable = self.table(release.other())?.variables_named(name).next()?;
        Some(self.declare_global(release.other(), variable))
    }
}
