//! Facts.

use super::super::kind::{Node, SyntaxKind as K};
use super::names::{
    Build, all, arms, child, children, has_word, hole, name_or_text, path, path_of, paths, pattern,
    symbol_of, token, tokens, ty, ty_of, whole_block,
};
use crate::rules::{
    Bound, Call, Container, Element, Fact, HookPool, Parameter, Pattern, Reading, ReadingArm, ReadingMatch,
    SiteReading, Slab, SlabArm, SlabMatch, Subject,
};
use crate::source::At;

pub(super) fn fact(build: Build, node: &Node) -> Option<At<Fact>> {
    let is = match node.kind() {
        K::HookPool => {
            Fact::HookPool(HookPool { functions: all(children(node, K::Call), |node| call(build, &node))? })
        }
        K::Wrapper => Fact::Wrapper(functions(build, node)?),
        K::Site => Fact::Site { functions: functions(build, node)?, reading: site(build, node)? },
        K::Field => Fact::Field {
            owner: symbol_of(build, node)?,
            paths: paths(build, node)?,
            reading: reading(build, &node.last_child()?)?,
        },
        K::Pointer => {
            Fact::Pointer { to: symbol_of(build, node)?, reading: reading(build, &node.last_child()?)? }
        }
        K::Variant => Fact::Variant {
            name: build.name(node)?,
            of: symbol_of(build, node)?,
            fields: all(children(&child(node, K::Block)?, K::FieldReading), |node| {
                Some((path_of(build, &node)?, reading(build, &node.last_child()?)?))
            })?,
        },
        K::Slab => Fact::Slab(slab(build, node)?),
        K::Scratch => {
            let mut bounds = children(node, K::Bound);
            let (from, to) = (bounds.next()?, bounds.next()?);
            Fact::Scratch {
                owner: symbol_of(build, node)?,
                from: bound(build, &from)?,
                to: bound(build, &to)?,
            }
        }
        K::Module => Fact::OpaqueModule(name_or_text(build, node)?),
        K::Container => Fact::Container(container(build, node)?),
        K::Descriptor => Fact::Descriptor { owner: symbol_of(build, node)?, path: path_of(build, node)? },
        _ => return None,
    };
    Some(build.at(node, is))
}

fn functions(build: Build, node: &Node) -> Option<Vec<At<Pattern>>> {
    all(children(node, K::Pattern), |node| pattern(build, &node))
}

fn call(build: Build, node: &Node) -> Option<At<Call>> {
    let parameter = |name: At<String>| {
        name.map(|name| match name.as_str() {
            "pool" => Parameter::Pool,
            "size" => Parameter::Size,
            _ => Parameter::Other(name),
        })
    };
    let function = pattern(build, &child(node, K::Pattern)?)?;
    let names = build.names(&child(node, K::Arguments)?);
    Some(build.at(node, Call { function, parameters: names.into_iter().map(parameter).collect() }))
}

fn site(build: Build, node: &Node) -> Option<At<SiteReading>> {
    let last = node.last_child()?;
    let is = match last.kind() {
        K::WordReading if has_word(&last, "bytes") => SiteReading::Bytes,
        K::WordReading if has_word(&last, "opaque") => SiteReading::Opaque,
        K::WordReading => SiteReading::Caller,
        K::Hole => SiteReading::Hole(hole(build, &last)?),
        _ => SiteReading::Of(ty(build, &last)?.is),
    };
    Some(build.at(&last, is))
}

fn reading(build: Build, node: &Node) -> Option<At<Reading>> {
    let is = match node.kind() {
        K::WordReading => match token(node, K::Keyword)?.text() {
            "bytes" => Reading::Bytes,
            "pin" => Reading::Pin,
            "opaque" => Reading::Opaque,
            "retained" => Reading::Retained,
            _ => Reading::Declared,
        },
        K::MemberReading => Reading::Member(path_of(build, node)?.is),
        K::TypeReading => {
            let tag = has_word(node, "tagged").then(|| build.number(node));
            let tag = match tag {
                Some(tag) => Some(tag?),
                None => None,
            };
            Reading::To { to: ty_of(build, node)?, tag }
        }
        K::TaggedReading => Reading::Tagged(build.number(node)?),
        K::ArrayReading => {
            let mut paths = paths(build, node)?.into_iter();
            let element = match child(node, K::Type) {
                Some(element) => Some(ty(build, &element)?),
                None => None,
            };
            Reading::Array { element, count: paths.next()?, stride: paths.next() }
        }
        K::ByModule => Reading::ByModule(symbol_of(build, node)?),
        K::VariantReading => Reading::As {
            reading: Box::new(reading(build, &node.first_child()?)?),
            variant: build.name(node)?,
        },
        K::MatchReading => Reading::Match(Box::new(reading_match(build, node)?)),
        K::Hole => Reading::Hole(hole(build, node)?),
        _ => return None,
    };
    Some(build.at(node, is))
}

fn reading_match(build: Build, node: &Node) -> Option<ReadingMatch> {
    let on = child(node, K::Subject)?;
    let is = if has_word(&on, "bits") {
        Subject::Bits(build.number(&on)?.is)
    } else if has_word(&on, "global") {
        Subject::Global(path_of(build, &on)?.is)
    } else {
        Subject::Member(path_of(build, &on)?.is)
    };
    let (arms, otherwise) = arms(build, node, |node| reading(build, node))?;
    let arms = arms.into_iter().map(|(when, then)| ReadingArm { when, then }).collect();
    Some(ReadingMatch { on: build.at(&on, is), arms, otherwise })
}

fn slab(build: Build, node: &Node) -> Option<Slab> {
    let mut slab = Slab {
        classes: path_of(build, node)?,
        pages: None,
        page_count: None,
        stride: None,
        per_page: None,
        element: None,
        kinds: None,
    };
    for item in whole_block(node)?.children() {
        match item.kind() {
            K::SlabPages => {
                let mut paths = paths(build, &item)?.into_iter();
                (slab.pages, slab.page_count) = (Some(paths.next()?), paths.next());
            }
            K::SlabStride => slab.stride = Some(path_of(build, &item)?),
            K::SlabPerPage => slab.per_page = Some(path_of(build, &item)?),
            K::SlabElement => slab.element = Some(ty_of(build, &item)?),
            _ => {
                let (arms, otherwise) = arms(build, &item, |node| element(build, node))?;
                let arms = arms.into_iter().map(|(when, then)| SlabArm { when, then }).collect();
                slab.kinds = Some(SlabMatch { on: path_of(build, &item)?, arms, otherwise });
            }
        }
    }
    Some(slab)
}

fn element(build: Build, node: &Node) -> Option<At<Element>> {
    let is = match node.kind() {
        K::WordReading if has_word(node, "free") => Element::Free,
        K::WordReading => Element::Unknown,
        _ => Element::Live(ty(build, node)?.is),
    };
    Some(build.at(node, is))
}

fn bound(build: Build, node: &Node) -> Option<At<Bound>> {
    let mut paths = children(node, K::Path);
    let is = match (paths.next(), paths.next()) {
        (Some(array), Some(index)) => {
            Bound::Element { array: path(build, &array)?, index: path(build, &index)? }
        }
        (Some(one), None) => Bound::Pointer(path(build, &one)?.is),
        _ => {
            tokens(node).next()?;
            Bound::End
        }
    };
    Some(build.at(node, is))
}

fn container(build: Build, node: &Node) -> Option<Container> {
    let mut container =
        Container { owner: symbol_of(build, node)?, elements: None, count: None, stride: None };
    for item in whole_block(node)?.children() {
        let mut paths = paths(build, &item)?.into_iter();
        if item.kind() == K::ContainerElements {
            (container.elements, container.count) = (Some(paths.next()?), Some(paths.next()?));
        } else {
            container.stride = Some(paths.next()?);
        }
    }
    Some(container)
}
