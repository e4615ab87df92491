//! Facts: whether what they speak of is there, and is what they take it for.
//!
//! A fact is good for many releases. Where two are at hand it must hold in one of them; and what it speaks of may be missing in a build,
//! which is no error unless its name is nearly one that is there.

use super::Context;
use super::kind::Kind;
use super::reading::Target;
use crate::codes;
use crate::diagnostic::{Diagnostic, Release};
use crate::names::{self, nearest};
use crate::rules::{Container, Fact, HookPool, Parameter, Path, Pattern, SiteReading, Step, Symbol};
use crate::source::{At, FileId};
use mcrx_debuginfo::table::{Tag, Type};

impl<'a> Context<'a> {
    pub(crate) fn check_facts(&self) {
        for fact in &self.rules.facts {
            self.check_fact_alone(fact);
            let mark = self.mark();
            self.in_one_release(|release| self.check_fact(release, fact));
            for diagnostic in self.take_from(mark) {
                self.report(self.of_many_releases(diagnostic));
            }
        }
        self.check_variants();
    }

    /// That a fact speaks of what is not there is no error where the fact is for many releases, unless it is a slip of the pen.
    fn of_many_releases(&self, diagnostic: Diagnostic) -> Diagnostic {
        let names = [
            &codes::unknown_type::ENTRY,
            &codes::unknown_member::ENTRY,
            &codes::unknown_function::ENTRY,
            &codes::unknown_global::ENTRY,
            &codes::unknown_constant::ENTRY,
        ];
        let is_of_one_update = self.rules.to.is_some() && diagnostic.span.file == FileId(0);
        let written = self.files.at(diagnostic.span);
        let is_slip = diagnostic.fix.as_ref().is_some_and(|fix| nearest::is_slip(written, &fix.text));
        let is_name = names.iter().any(|entry| entry.code == diagnostic.code) && !written.contains('@');
        if !is_name || is_of_one_update || is_slip {
            return diagnostic;
        }
        codes::fact_without_subject::instead_of(diagnostic)
    }

    /// Findings of the first release, unless another has none.
    pub(crate) fn in_one_release(&self, check: impl Fn(Release)) {
        let mut first: Option<Vec<Diagnostic>> = None;
        for (release, _) in self.releases.all() {
            let mark = self.mark();
            check(release);
            let found = self.take_from(mark);
            if found.is_empty() {
                return;
            }
            // What is there and wrong says more than that it is not there.
            let is_missing = |found: &[Diagnostic]| {
                found.iter().all(|one| one.code == codes::fact_without_subject::ENTRY.code)
            };
            if first.as_deref().is_none_or(|first| is_missing(first) && !is_missing(&found)) {
                first = Some(found);
            }
        }
        for diagnostic in first.unwrap_or_default() {
            self.report(diagnostic);
        }
    }

    /// What can be said without debug info.
    fn check_fact_alone(&self, fact: &'a At<Fact>) {
        match &fact.is {
            Fact::Field { reading, .. } | Fact::Pointer { reading, .. } => self.check_reading_alone(reading),
            Fact::Variant { fields, .. } => {
                fields.iter().for_each(|(_, reading)| self.check_reading_alone(reading))
            }
            Fact::Slab(slab) => {
                let items = [
                    ("pages", slab.pages.is_none()),
                    ("stride", slab.stride.is_none()),
                    ("element", slab.element.is_none()),
                ];
                let missing: Vec<&str> = items.iter().filter(|(_, is)| *is).map(|(item, _)| *item).collect();
                if !missing.is_empty() {
                    self.report(codes::slab_incomplete::report(&missing, slab.classes.span));
                }
            }
            Fact::Container(container) => {
                let items = [
                    ("elements", container.elements.is_none() || container.count.is_none()),
                    ("stride", container.stride.is_none()),
                ];
                let missing: Vec<&str> = items.iter().filter(|(_, is)| *is).map(|(item, _)| *item).collect();
                if !missing.is_empty() {
                    self.report(codes::container_incomplete::report(&missing, container.owner.span));
                }
            }
            Fact::OpaqueModule(name) if name.is.contains('/') || name.is.is_empty() => {
                self.report(codes::module_name::report(&name.is, name.span));
            }
            Fact::HookPool(hook) => self.check_hook_alone(hook),
            Fact::Scratch { from, to, .. } if from.is == crate::rules::Bound::End || from.is == to.is => {
                self.report(codes::empty_scratch::report(from.span.to(to.span)));
            }
            _ => {}
        }
    }

    fn check_fact(&self, release: Release, fact: &'a At<Fact>) {
        match &fact.is {
            Fact::HookPool(hook) => self.check_hook(release, hook),
            Fact::Wrapper(functions) => {
                functions.iter().for_each(|function| self.fact_functions(release, function))
            }
            Fact::Site { functions, reading } => {
                functions.iter().for_each(|function| self.fact_functions(release, function));
                match &reading.is {
                    SiteReading::Of(ty) => {
                        self.check_pointed_to(release, At { is: ty, span: reading.span });
                    }
                    SiteReading::Hole(hole) => self.report(codes::hole::report(&hole.why.is, reading.span)),
                    SiteReading::Bytes | SiteReading::Caller | SiteReading::Opaque => {}
                }
            }
            Fact::Field { owner, paths, reading } => self.for_owners(release, owner, |owner| {
                paths.iter().for_each(|path| self.check_field(release, owner, path, reading));
            }),
            Fact::Pointer { to, reading } => self.for_owners(release, to, |ty| {
                let target = Target::pointer_to(release, ty, &to.is.name, to.span);
                self.check_reading(&target, reading);
            }),
            Fact::Variant { name, of, fields } => self.for_owners(release, of, |owner| {
                if let [ty, ..] = self.types_of_name(release, &name.is).as_slice() {
                    self.report(codes::variant_name_taken::report(self, release, &name.is, *ty, name.span));
                }
                for (path, reading) in fields {
                    self.check_field(release, owner, path, reading);
                }
            }),
            Fact::Slab(slab) => self.check_slab(release, slab),
            Fact::Scratch { owner, from, to } => self.for_owners(release, owner, |owner| {
                self.check_bound(release, owner, from, "the beginning of the part");
                self.check_bound(release, owner, to, "the end of the part");
            }),
            Fact::OpaqueModule(_) => {}
            Fact::Container(container) => {
                self.for_owners(release, &container.owner, |owner| {
                    self.check_container(release, owner, container)
                });
            }
            Fact::Descriptor { owner, path } => self.for_owners(release, owner, |owner| {
                let Some(place) = self.the_place(release, owner, path) else { return };
                let kind = Kind::of_place(release, &place);
                if !matches!(kind, Kind::Any)
                    && !matches!(kind, Kind::Integer(it) if it.bits.is_some_and(|bits| bits >= 16))
                {
                    let declaration = place.member.map(|(owner, _)| self.declare_path(release, owner, path));
                    let what = self.describe_place(&place, kind);
                    self.report(codes::no_descriptor::report(
                        &super::resolve::spelt(&path.is),
                        what,
                        declaration,
                        path.span,
                    ));
                }
            }),
        }
    }

    /// Does something with the type that a fact is about. Of several of the name it need hold for one; if it does for none, the findings are
    /// those of the first.
    pub(crate) fn for_owners(&self, release: Release, symbol: &'a At<Symbol>, check: impl Fn(Type<'a>)) {
        let owners = self.types(release, &symbol.is);
        if owners.is_empty() {
            let near = self.near_types(release, &symbol.is.name);
            let is_slip = near.iter().any(|near| nearest::is_slip(&symbol.is.name, near));
            self.report(if is_slip || symbol.is.unit.is_some() {
                codes::unknown_type::report(self, release, &symbol.is, symbol.span)
            } else {
                codes::fact_without_subject::report(self, &format!("type `{}`", symbol.is.name), symbol.span)
            });
            return;
        }
        let mut first = None;
        for owner in owners {
            let mark = self.mark();
            check(owner);
            let found = self.take_from(mark);
            if found.is_empty() {
                return;
            }
            first = first.or(Some(found));
        }
        first.into_iter().flatten().for_each(|diagnostic| self.report(diagnostic));
    }

    fn fact_functions(&self, release: Release, function: &'a At<Pattern>) {
        let Some(table) = self.table(release) else { return };
        let Pattern { name, is_prefix } = &function.is;
        if !names::functions_of_pattern(table, &function.is).is_empty() {
            return;
        }
        let near = if *is_prefix { Vec::new() } else { self.near_functions(release, name) };
        self.report(if near.iter().any(|near| nearest::is_slip(name, near)) {
            codes::unknown_function::report(self, release, name, false, function.span)
        } else {
            let what = if *is_prefix {
                format!("function that begins with `{name}`")
            } else {
                format!("function `{name}`")
            };
            codes::fact_without_subject::report(self, &what, function.span)
        });
    }

    /// A type that a fact says is somewhere: of this name, or a variant.
    pub(crate) fn check_pointed_to(
        &self,
        release: Release,
        name: At<&'a crate::rules::TypeName>,
    ) -> Option<Type<'a>> {
        if let Some((of, _)) = self.variants.get(name.is.symbol.name.as_str()) {
            self.variants_used.borrow_mut().insert(name.is.symbol.name.as_str());
            return self.types(release, of).first().copied();
        }
        let found = match name.is.keyword {
            None => self.types(release, &name.is.symbol),
            Some(_) => self
                .table(release)
                .map_or_else(Vec::new, |table| names::types(table, name.is.keyword, &name.is.symbol)),
        };
        if found.is_empty() && name.is.symbol.name != "void" {
            self.report(codes::unknown_type::report(self, release, &name.is.symbol, name.span));
        }
        found.first().copied()
    }

    fn check_field(
        &self,
        release: Release,
        owner: Type<'a>,
        path: &'a At<Path>,
        reading: &'a At<crate::rules::Reading>,
    ) {
        let Some(place) = self.fact_place(release, owner, path) else { return };
        let target = Target::of(release, owner, place, super::resolve::spelt(&path.is), path.span);
        self.check_reading(&target, reading);
    }

    /// Where the path of a fact leads: through arrays it speaks of all their elements.
    fn fact_place(&self, release: Release, owner: Type<'a>, path: &At<Path>) -> Option<names::Place<'a>> {
        let mut steps: Vec<At<Step>> = Vec::new();
        for step in &path.is.steps {
            if matches!(step.is, Step::Member(_)) {
                // The first element stands for all.
                let is_array = |steps: &[At<Step>]| {
                    let place = names::walk(Some(owner), &Path { steps: steps.to_vec() }).ok();
                    place.and_then(|place| place.ty).is_some_and(|ty| ty.tag() == Tag::Array)
                };
                while is_array(&steps) {
                    steps.push(At { is: Step::Index(0), span: step.span });
                }
            }
            steps.push(step.clone());
        }
        self.the_place(release, owner, &At { is: Path { steps }, span: path.span })
    }

    fn check_container(&self, release: Release, owner: Type<'a>, container: &'a Container) {
        if let Some(path) = &container.elements
            && let Some(place) = self.the_place(release, owner, path)
        {
            let kind = Kind::of_place(release, &place);
            if !kind.is_pointer() {
                self.report(self.not_a_pointer("where the elements are", release, path, &place, kind));
            }
        }
        self.check_number_of(release, owner, container.count.as_ref(), "the number of elements");
        self.check_number_of(release, owner, container.stride.as_ref(), "the size of an element");
    }

    /// A member that is to be an integer.
    pub(crate) fn check_number_of(
        &self,
        release: Release,
        owner: Type<'a>,
        path: Option<&'a At<Path>>,
        role: &str,
    ) {
        let Some(path) = path else { return };
        let Some(place) = self.the_place(release, owner, path) else { return };
        let kind = Kind::of_place(release, &place);
        if !kind.is_integer() {
            let declaration = place.member.map(|(owner, _)| self.declare_path(release, owner, path));
            let what = self.describe_place(&place, kind);
            self.report(codes::count_not_integer::report(
                role,
                &super::resolve::spelt(&path.is),
                what,
                declaration,
                path.span,
            ));
        }
    }

    fn check_hook_alone(&self, hook: &'a HookPool) {
        for call in &hook.functions {
            let count = |wanted: &Parameter| call.is.parameters.iter().filter(|it| it.is == *wanted).count();
            let name = &call.is.function.is.name;
            let (message, label) = match (count(&Parameter::Pool), count(&Parameter::Size)) {
                (0, _) => (format!("`{name}` is said to have no parameter `pool`"), "which one is the pool?"),
                (1, 0) => (
                    format!("`{name}` is said to have no parameter `size`"),
                    "how many bytes does it return?",
                ),
                (1, _) => continue,
                _ => {
                    (format!("`{name}` is said to have several parameters `pool`"), "which one is the pool?")
                }
            };
            self.report(codes::hook_parameters::report(message, label, None, call.span));
        }
    }

    fn check_hook(&self, release: Release, hook: &'a HookPool) {
        let Some(table) = self.table(release) else { return };
        for call in &hook.functions {
            self.fact_functions(release, &call.is.function);
            let found = names::functions_of_pattern(table, &call.is.function.is).into_iter().next();
            if let Some(function) = found {
                let own: Vec<_> = function.parameters().collect();
                let declaration = || Some(self.declare_function(release, function));
                let name = function.name();
                if own.len() != call.is.parameters.len() {
                    let message =
                        format!("`{name}` takes {}, not {}", arguments(own.len()), call.is.parameters.len());
                    self.report(codes::hook_parameters::report(
                        message,
                        "not as many",
                        declaration(),
                        call.span,
                    ));
                    continue;
                }
                for (said, own) in call.is.parameters.iter().zip(own) {
                    let kind = Kind::of(release, own.ty, None);
                    let (is_right, wanted) = match &said.is {
                        Parameter::Pool => (kind.is_pointer(), "a pool is a pointer"),
                        Parameter::Size => (kind.is_integer(), "a size is a number"),
                        Parameter::Other(_) => (true, ""),
                    };
                    if !is_right {
                        let message = format!("parameter `{}` of `{name}` is {}", own.name, kind.describe());
                        self.report(codes::hook_parameters::report(
                            message,
                            wanted,
                            declaration(),
                            said.span,
                        ));
                    }
                }
                if !Kind::of(release, function.returns(), None).is_pointer() || function.returns().is_none() {
                    let message = format!("`{name}` returns no pointer");
                    let label = "what it allocates cannot be seen";
                    self.report(codes::hook_parameters::report(message, label, declaration(), call.span));
                }
            }
        }
    }

    fn check_variants(&self) {
        for (name, (_, span)) in &self.variants {
            // Without debug info a pointer to a variant cannot be told from one to a type; names alone can be compared.
            if !self.variants_used.borrow().contains(name) {
                self.report(codes::unused_variant::report(name, *span));
            }
        }
    }

    /// The finding that something is no pointer.
    pub(crate) fn not_a_pointer(
        &self,
        role: &str,
        release: Release,
        path: &At<Path>,
        place: &names::Place<'a>,
        kind: Kind<'a>,
    ) -> Diagnostic {
        let declaration = place.member.map(|(owner, _)| self.declare_path(release, owner, path));
        let what = self.describe_place(place, kind);
        codes::pointer_wanted::report(role, &super::resolve::spelt(&path.is), what, declaration, path.span)
    }

    /// The declaration of the structure that has the last member of a path, with it.
    pub(crate) fn declare_path(
        &self,
        release: Release,
        owner: Type<'_>,
        path: &At<Path>,
    ) -> crate::diagnostic::Declaration {
        let last = path.is.steps.iter().rev().find_map(|step| match &step.is {
            Step::Member(name) => Some(name.as_str()),
            Step::Index(_) => None,
        });
        self.declare_members(release, owner, &[last.unwrap_or_default()])
    }

    /// What is somewhere: as C declares it.
    pub(crate) fn describe_place(&self, place: &names::Place<'_>, kind: Kind<'_>) -> String {
        match (kind, place.bit_size()) {
            (_, Some(bits)) => format!("a bit-field of {bits} bits"),
            (Kind::Any, _) => "nothing that is known".to_owned(),
            _ => format!("`{}`", self.spelt_declared(place.declared)),
        }
    }
}

/// "3 arguments".
pub(crate) fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{count} arguments"),
    }
}

/// "3 values".
pub(crate) fn values(count: usize) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "1 value".to_owned(),
        _ => format!("{count} values"),
    }
}
