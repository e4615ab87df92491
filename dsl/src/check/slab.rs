//! Slabs of the program's own, and parts of objects that hold nothing live.

use super::Context;
use super::arms::Subject;
use super::kind::Kind;
use super::resolve::spelt;
use crate::codes;
use crate::diagnostic::Release;
use crate::names::{self, Place};
use crate::rules::{Bound, Element, Slab, SlabMatch, Step};
use crate::source::At;
use mcrx_debuginfo::table::Type;

impl<'a> Context<'a> {
    pub(crate) fn check_slab(&self, release: Release, slab: &'a Slab) {
        let first = slab.classes.is.steps.first().map(|step| &step.is);
        if let (Some(table), Some(Step::Member(name))) = (self.table(release), first)
            && table.variables_named(name).next().is_none()
        {
            let near = self.near_globals(release, name);
            let is_slip = near.iter().any(|near| names::nearest::is_slip(name, near));
            self.report(if is_slip {
                codes::unknown_global::report(self, release, name, slab.classes.span)
            } else {
                codes::fact_without_subject::report(self, &format!("variable `{name}`"), slab.classes.span)
            });
            return;
        }
        if let Some(classes) = self.the_global_place(release, &slab.classes) {
            self.check_classes(release, slab, &classes);
        }
        let element = slab.element.as_ref();
        let element =
            element.and_then(|name| self.check_pointed_to(release, At { is: &name.is, span: name.span }));
        if let Some(kinds) = &slab.kinds {
            self.check_kinds(release, element, kinds);
        }
    }

    fn check_classes(&self, release: Release, slab: &'a Slab, classes: &Place<'a>) {
        let mut class = classes.ty;
        // An array of classes, or a pointer to it.
        while let Some(inner) =
            class.filter(|ty| !ty.tag().is_aggregate()).and_then(|ty| names::pointee(Some(ty)))
        {
            class = Some(inner);
        }
        let Some(class) = class.filter(|ty| ty.tag().is_aggregate()) else {
            let at = slab.classes.span;
            let before = spelt(&slab.classes.is);
            self.report(codes::not_a_structure::report(
                self,
                release,
                (&before, classes.declared),
                "pages",
                at,
                None,
            ));
            return;
        };
        if let Some(pages) = &slab.pages
            && let Some(place) = self.the_place(release, class, pages)
        {
            let kind = Kind::of_place(release, &place);
            if !kind.is_pointer() && !matches!(kind, Kind::Sequence(..)) {
                self.report(self.not_a_pointer("where the pages are", release, pages, &place, kind));
            }
        }
        self.check_number_of(release, class, slab.page_count.as_ref(), "the number of pages");
        self.check_number_of(release, class, slab.stride.as_ref(), "the size of an element");
        self.check_number_of(release, class, slab.per_page.as_ref(), "the number of elements of a page");
    }

    fn check_kinds(&self, release: Release, element: Option<Type<'a>>, kinds: &'a SlabMatch) {
        if let Some(place) = element.and_then(|element| self.the_place(release, element, &kinds.on)) {
            let kind = Kind::of_place(release, &place);
            let subject = Subject { release, kind, text: spelt(&kinds.on.is), span: kinds.on.span };
            let arms = kinds.arms.iter().map(|arm| arm.when.as_slice());
            // All others are of the slab's type: that is a `_`.
            self.check_arms(&subject, arms, true, "");
        }
        for then in kinds.arms.iter().map(|arm| &arm.then).chain(&kinds.otherwise) {
            if let Element::Live(name) = &then.is {
                self.check_pointed_to(release, At { is: name, span: then.span });
            }
        }
    }

    /// An end of a part of an object.
    pub(crate) fn check_bound(&self, release: Release, owner: Type<'a>, bound: &'a At<Bound>, role: &str) {
        match &bound.is {
            Bound::End => {}
            Bound::Pointer(path) => {
                let path = At { is: path.clone(), span: bound.span };
                let Some(place) = self.the_place(release, owner, &path) else { return };
                let kind = Kind::of_place(release, &place);
                if !kind.is_pointer() {
                    self.report(self.not_a_pointer(role, release, &path, &place, kind));
                }
            }
            Bound::Element { array, index } => {
                if let Some(place) = self.the_place(release, owner, array) {
                    let kind = Kind::of_place(release, &place);
                    if !kind.is_pointer() && !matches!(kind, Kind::Sequence(..)) {
                        self.report(self.not_a_pointer(role, release, array, &place, kind));
                    }
                }
                self.check_number_of(release, owner, Some(index), "the number of the element");
            }
        }
    }
}
