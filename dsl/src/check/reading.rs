//! Readings: whether a member can be what a fact says that it is.

use super::Context;
use super::arms::Subject as ArmSubject;
use super::kind::{Integer, Kind};
use super::resolve::spelt;
use crate::codes;
use crate::diagnostic::{Declaration, Release};
use crate::names::{self, Place};
use crate::rules::{Path, Reading, ReadingMatch, Subject, TypeName};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Kind as Shape, Type};

/// Bits of a pointer to what malloc returned that are zero.
const LOW: u64 = 0b1111;
/// Bits above those of a process's addresses.
const HIGH: u64 = !((1 << 47) - 1);

/// What a reading is about.
pub(crate) struct Target<'a> {
    release: Release,
    /// The structure that has it. `None`: it is any pointer to a type.
    owner: Option<Type<'a>>,
    place: Place<'a>,
    kind: Kind<'a>,
    /// As it is written.
    text: String,
    span: Span,
    /// Of what it points to, where it is any pointer to a type.
    pointee: Option<Type<'a>>,
}

impl<'a> Target<'a> {
    /// A member.
    pub(crate) fn of(
        release: Release,
        owner: Type<'a>,
        place: Place<'a>,
        text: String,
        span: Span,
    ) -> Target<'a> {
        let kind = Kind::of_place(release, &place);
        Target { release, owner: Some(owner), place, kind, text, span, pointee: names::pointee(place.ty) }
    }

    /// Any pointer to a type.
    pub(crate) fn pointer_to(release: Release, to: Type<'a>, name: &str, span: Span) -> Target<'a> {
        let place = Place { ty: None, declared: None, member: None, bit_offset: None };
        let kind = Kind::Pointer(release, Some(to));
        Target { release, owner: None, place, kind, text: format!("{name} *"), span, pointee: Some(to) }
    }

    /// How many bytes it has.
    fn size(&self) -> Option<u64> {
        self.place.ty.and_then(Type::size).filter(|_| self.place.bit_size().is_none())
    }

    /// Whether a pointer can be in it.
    fn can_hold_pointer(&self) -> bool {
        match self.kind {
            Kind::Any | Kind::Pointer(..) | Kind::Code(_) | Kind::Sequence(..) => true,
            Kind::Integer(Integer { of: None, .. }) => self.size() == Some(8),
            Kind::Object(..) => self
                .place
                .ty
                .is_some_and(|ty| ty.tag() == mcrx_debuginfo::table::Tag::Union || ty.size() == Some(8)),
            _ => false,
        }
    }

    /// Whether no pointer can be in it, by its type.
    fn holds_no_pointer(&self) -> bool {
        match self.kind {
            Kind::Integer(integer) => integer.of.is_some() || self.size() != Some(8),
            Kind::Float => true,
            _ => false,
        }
    }
}

impl<'a> Context<'a> {
    fn what(&self, target: &Target<'a>) -> (String, Option<Declaration>) {
        let declaration = target.place.member.map(|(owner, member)| {
            self.declare_members(target.release, owner, &[member.name().unwrap_or_default()])
        });
        (self.describe_place(&target.place, target.kind), declaration)
    }

    /// What can be said without debug info.
    pub(crate) fn check_reading_alone(&self, reading: &'a At<Reading>) {
        match &reading.is {
            Reading::To { to, tag } => {
                let name = to.is.symbol.name.as_str();
                if self.variants.contains_key(name) {
                    self.variants_used.borrow_mut().insert(name);
                }
                self.check_tag(tag.as_ref());
            }
            Reading::Tagged(tag) => self.check_tag(Some(tag)),
            Reading::Array { element: Some(element), .. } => {
                let name = element.is.symbol.name.as_str();
                if self.variants.contains_key(name) {
                    self.variants_used.borrow_mut().insert(name);
                }
            }
            Reading::As { reading, variant } => {
                if self.variants.contains_key(variant.is.as_str()) {
                    self.variants_used.borrow_mut().insert(&variant.is);
                } else {
                    self.report(codes::unknown_variant::report(self, &variant.is, variant.span));
                }
                self.check_reading_alone(reading);
            }
            Reading::Match(choice) => {
                let arms = choice.arms.iter().map(|arm| &arm.then);
                arms.chain(&choice.otherwise).for_each(|then| self.check_reading_alone(then));
            }
            Reading::Hole(hole) => self.report(codes::hole::report(&hole.why.is, reading.span)),
            _ => {}
        }
    }

    fn check_tag(&self, tag: Option<&At<u64>>) {
        let Some(tag) = tag else { return };
        let overlapping = tag.is & !(LOW | HIGH);
        if overlapping != 0 || tag.is == 0 {
            self.report(codes::tag_bits::report(tag.is, overlapping, tag.span));
        }
    }

    /// Checks a reading against what the debug info says of the place.
    pub(crate) fn check_reading(&self, target: &Target<'a>, reading: &'a At<Reading>) {
        match &reading.is {
            Reading::Bytes if target.holds_no_pointer() => {
                let (what, declaration) = self.what(target);
                self.report(codes::reading_without_effect::report(
                    &target.text,
                    what,
                    declaration,
                    reading.span,
                ));
            }
            Reading::Pin if target.holds_no_pointer() => {
                let (what, declaration) = self.what(target);
                self.report(codes::pin_without_pointer::report(
                    &target.text,
                    what,
                    declaration,
                    reading.span,
                ));
            }
            Reading::Bytes | Reading::Pin | Reading::Declared | Reading::Hole(_) => {}
            Reading::Opaque | Reading::Retained => self.check_room(target, reading.span),
            Reading::To { to, tag } => {
                let mark = self.mark();
                self.check_room(target, reading.span);
                let pointee = self.check_pointed_to(target.release, At { is: &to.is, span: to.span });
                if self.mark() == mark && to.is.pointers == 0 {
                    self.check_alignment(target.release, pointee, tag.as_ref());
                }
            }
            Reading::Tagged(tag) => {
                let is_pointer = match target.kind {
                    Kind::Sequence(_, element, _) => {
                        element.is_none_or(|element| matches!(element.kind(), Shape::Pointer(_)))
                    }
                    kind => kind.is_pointer(),
                };
                if is_pointer {
                    self.check_alignment(target.release, target.pointee, Some(tag));
                } else {
                    let (what, declaration) = self.what(target);
                    let report = codes::pointer_wanted::report(
                        "the tagged pointer",
                        &target.text,
                        what,
                        declaration,
                        target.span,
                    );
                    self.report(
                        report.helped("where an integer holds a pointer, say to what: `TYPE tagged 0b1`"),
                    );
                }
            }
            Reading::Member(path) => self.check_chosen(target, path, reading.span),
            Reading::Array { element, count, stride } => {
                self.check_array(target, element.as_ref(), reading.span);
                if let Some(owner) = target.owner {
                    self.check_number_of(target.release, owner, Some(count), "the number of elements");
                    self.check_number_of(target.release, owner, stride.as_ref(), "the size of an element");
                }
            }
            Reading::ByModule(list) => {
                self.check_room(target, reading.span);
                if let Some(variable) = self.the_global(target.release, At { is: &list.is, span: list.span })
                {
                    let element = names::pointee(variable.ty());
                    if names::pointee(element).is_none_or(|module| !module.tag().is_aggregate()) {
                        self.report(codes::unknown_module_list::report(
                            self,
                            target.release,
                            variable,
                            list.span,
                        ));
                    }
                }
            }
            Reading::As { reading, .. } => self.check_reading(target, reading),
            Reading::Match(choice) => self.check_choice(target, choice),
        }
    }

    fn check_room(&self, target: &Target<'a>, span: Span) {
        if !target.can_hold_pointer() {
            let (what, declaration) = self.what(target);
            self.report(codes::no_room_for_pointer::report(&target.text, what, declaration, span));
        }
    }

    fn check_alignment(&self, release: Release, pointee: Option<Type<'a>>, tag: Option<&At<u64>>) {
        let (Some(tag), Some(pointee)) = (tag, pointee) else { return };
        let Some(alignment) = alignment(pointee, 16) else { return };
        let bits = tag.is & LOW & !(alignment - 1);
        if bits != 0 && tag.is & !(LOW | HIGH) == 0 {
            let declaration = pointee.tag().is_aggregate().then(|| self.declare(release, pointee));
            self.report(codes::tag_bits_by_alignment::report(
                bits,
                &self.spelt(pointee),
                alignment,
                declaration,
                tag.span,
            ));
        }
    }

    fn check_chosen(&self, target: &Target<'a>, path: &'a Path, span: Span) {
        match target.kind {
            Kind::Any => {}
            Kind::Object(_, ty) => {
                let path = At { is: path.clone(), span };
                self.the_place(target.release, ty, &path);
            }
            _ => {
                let (what, declaration) = self.what(target);
                self.report(codes::member_of_no_union::report(&target.text, what, declaration, span));
            }
        }
    }

    fn check_array(&self, target: &Target<'a>, element: Option<&'a At<TypeName>>, span: Span) {
        if !matches!(target.kind, Kind::Any | Kind::Pointer(..) | Kind::Sequence(..)) {
            let (what, declaration) = self.what(target);
            self.report(codes::not_several::report(&target.text, what, declaration, span));
        }
        if let Some(element) = element {
            self.check_pointed_to(target.release, At { is: &element.is, span: element.span });
        }
    }

    fn check_choice(&self, target: &Target<'a>, choice: &'a ReadingMatch) {
        if let Some(subject) = self.subject(target, &choice.on) {
            let arms = choice.arms.iter().map(|arm| arm.when.as_slice());
            let what_then = "other values are read conservatively, and pin what they may point to";
            self.check_arms(&subject, arms, choice.otherwise.is_some(), what_then);
        }
        let arms = choice.arms.iter().map(|arm| &arm.then);
        for then in arms.chain(&choice.otherwise) {
            // That all values but some read conservatively, or hold nothing, is what arms are for.
            if !matches!(then.is, Reading::Pin | Reading::Bytes) {
                self.check_reading(target, then);
            }
        }
    }

    fn subject(&self, target: &Target<'a>, on: &'a At<Subject>) -> Option<ArmSubject<'a>> {
        let release = target.release;
        let (kind, text) = match &on.is {
            Subject::Member(path) => {
                let at = At { is: path.clone(), span: on.span };
                let place = self.the_place(release, target.owner?, &at)?;
                (Kind::of_place(release, &place), spelt(path))
            }
            Subject::Global(path) => {
                let at = At { is: path.clone(), span: on.span };
                let place = self.the_global_place(release, &at)?;
                (Kind::of_place(release, &place), spelt(path))
            }
            Subject::Bits(bits) => {
                let width = 64 - bits.leading_zeros();
                if *bits == 0 {
                    self.report(codes::tag_bits::report(0, 0, on.span));
                    return None;
                }
                if !target.can_hold_pointer() {
                    let (what, declaration) = self.what(target);
                    self.report(codes::no_room_for_pointer::report(
                        &target.text,
                        what,
                        declaration,
                        target.span,
                    ));
                    return None;
                }
                let integer = Integer { bits: Some(width), is_signed: false, of: None, value: None };
                (Kind::Integer(integer), format!("bits {bits:#b}"))
            }
        };
        Some(ArmSubject { release, kind, text, span: on.span })
    }
}

/// To how many bytes a type is aligned, by what it is made of.
fn alignment(ty: Type<'_>, deeper: u32) -> Option<u64> {
    let ty = ty.resolved()?;
    let deeper = deeper.checked_sub(1)?;
    match ty.kind() {
        Shape::Aggregate if ty.is_declaration() || ty.members().len() == 0 => None,
        Shape::Aggregate => {
            const MOST: usize = 64;
            ty.members().take(MOST).filter_map(|member| alignment(member.ty()?, deeper)).max()
        }
        Shape::Array { element, .. } => alignment(element?, deeper),
        Shape::Pointer(_) => Some(8),
        // Functions may begin at any byte.
        Shape::Function(_) | Shape::Unknown => None,
        _ => ty.size().filter(|size| size.is_power_of_two()).map(|size| size.min(16)),
    }
}
