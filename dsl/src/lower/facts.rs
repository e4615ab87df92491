//! Facts, for the tracer.
//!
//! Each statement becomes one of the tracer's facts about the same thing; an open question (`todo`) none, so that memory reads as if
//! nobody had asked. What the tracer has no use for (descriptors; functions that allocate from pools, which are hooked when the program starts) is
//! left out; of a table with an element for each module it is told that it is one, and not what each element leads to.

use super::reading::{path, pattern, reading, type_name};
use crate::rules::{Bound, Container, Element, Fact, Pattern, Rules, SiteReading, Slab, SlabMatch, Symbol};
use mcrx_tracer::facts::{
    self as traced, Arm, Choice, Facts, FieldFact, PointerFact, Scratch, SiteFact, Variant,
};

/// All facts of some rules, in their order: where several are about one thing, the last counts.
pub fn facts(rules: &Rules) -> Facts {
    let mut facts = Facts::default();
    // What is said of a member by name is more particular than that it belongs to a container.
    let containers = rules.facts.iter().filter_map(|fact| match &fact.is {
        Fact::Container(container) => elements(container),
        _ => None,
    });
    facts.fields.extend(containers);
    for fact in &rules.facts {
        add(&mut facts, &fact.is);
    }
    facts
}

fn add(facts: &mut Facts, fact: &Fact) {
    match fact {
        Fact::Wrapper(functions) => {
            let of = |function| site(function, traced::SiteReading::CallerDecides);
            facts.sites.extend(functions.iter().map(|function| of(&function.is)));
        }
        Fact::Site { functions, reading } => {
            let reading = match &reading.is {
                SiteReading::Hole(_) => return,
                SiteReading::Of(ty) => traced::SiteReading::Of(type_name(ty)),
                SiteReading::Bytes => traced::SiteReading::NoPointers,
                SiteReading::Caller => traced::SiteReading::CallerDecides,
                SiteReading::Opaque => traced::SiteReading::SaysNothing,
            };
            facts.sites.extend(functions.iter().map(|function| site(&function.is, reading.clone())));
        }
        Fact::Field { owner, paths, reading: said } => {
            let owner = symbol(&owner.is);
            facts.fields.extend(paths.iter().filter_map(|field| member(&owner, &field.is, &said.is)));
        }
        Fact::Pointer { to, reading: said } => {
            let to = symbol(&to.is);
            facts.pointers.extend(reading(&said.is).map(|reading| PointerFact { to, reading }));
        }
        Fact::Variant { name, of, fields } => {
            facts.variants.push(Variant { name: name.is.clone(), of: symbol(&of.is) });
            let members = fields.iter().filter_map(|(field, said)| member(&name.is, &field.is, &said.is));
            facts.fields.extend(members);
        }
        Fact::Slab(said) => facts.slabs.extend(slab(said)),
        Fact::Scratch { owner, from, to } => {
            let (owner, from, to) = (symbol(&owner.is), bound(&from.is), bound(&to.is));
            facts.scratch.push(Scratch { owner, from, to });
        }
        Fact::OpaqueModule(name) => facts.opaque_modules.push(name.is.clone()),
        Fact::HookPool(_) | Fact::Container(_) | Fact::Descriptor { .. } => {}
    }
}

fn site(function: &Pattern, reading: traced::SiteReading) -> SiteFact {
    SiteFact { function: pattern(function), reading }
}

/// A type's name as the tracer spells it.
pub(super) fn symbol(symbol: &Symbol) -> String {
    match &symbol.unit {
        Some(unit) => format!("{}@{unit}", symbol.name),
        None => symbol.name.clone(),
    }
}

/// `None`: it is an open question, or a single element of an array, which is no place of its own.
fn member(owner: &str, field: &crate::rules::Path, said: &crate::rules::Reading) -> Option<FieldFact> {
    let names = field.steps.iter().map(|step| match &step.is {
        crate::rules::Step::Member(name) => Some(name.as_str()),
        crate::rules::Step::Index(_) => None,
    });
    let field = names.collect::<Option<Vec<&str>>>()?.join(".");
    Some(FieldFact { owner: owner.to_owned(), field, reading: reading(said)? })
}

/// The pointer of a container to its elements, which are as many as it says, and of the size that it says.
fn elements(container: &Container) -> Option<FieldFact> {
    let Container { owner, elements, count, stride } = container;
    let (elements, count) = (elements.as_ref()?, count.as_ref()?);
    let said = crate::rules::Reading::Array { element: None, count: count.clone(), stride: stride.clone() };
    member(&symbol(&owner.is), &elements.is, &said)
}

/// `None`: it does not say where elements are, or what.
fn slab(slab: &Slab) -> Option<traced::Slab> {
    let Slab { classes, pages, page_count, stride, per_page, element, kinds } = slab;
    let element = type_name(&element.as_ref()?.is);
    Some(traced::Slab {
        classes: path(&classes.is),
        pages: path(&pages.as_ref()?.is),
        page_count: page_count.as_ref().map(|count| path(&count.is)),
        stride: path(&stride.as_ref()?.is),
        per_page: per_page.as_ref().map(|count| path(&count.is)),
        kinds: kinds.as_ref().map(|kinds| kinds_of(kinds, &element)),
        element,
    })
}

fn kinds_of(kinds: &SlabMatch, ty: &str) -> Choice<traced::Element> {
    let element = |element: &Element| match element {
        Element::Live(ty) => traced::Element::Live(type_name(ty)),
        Element::Free => traced::Element::Free,
        Element::Unknown => traced::Element::Unknown,
    };
    let arms = kinds
        .arms
        .iter()
        .map(|arm| Arm { when: super::reading::values(&arm.when), then: element(&arm.then.is) });
    Choice {
        on: traced::Subject::Member(path(&kinds.on.is)),
        arms: arms.collect(),
        otherwise: match &kinds.otherwise {
            Some(otherwise) => element(&otherwise.is),
            None => traced::Element::Live(ty.to_owned()),
        },
    }
}

fn bound(bound: &Bound) -> traced::Bound {
    match bound {
        Bound::Pointer(to) => traced::Bound::Pointer(path(to)),
        Bound::Element { array, index } => {
            traced::Bound::Element { array: path(&array.is), index: path(&index.is) }
        }
        Bound::End => traced::Bound::EndOfBlock,
    }
}
