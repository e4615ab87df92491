//! Where typed memory lies: variables, and all that pointers reach, each with the largest object that has it inside.

use super::leaf::{Leaf, Points, Walk, spelled};
use mcrx_debuginfo::table::{Count, Kind, Type};
use std::collections::HashSet;

/// More than this, and the memory is taken for damaged: no program of these tests has so many.
const MOST: usize = 200_000;

/// Objects of one type side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent<'a> {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) ty: Type<'a>,
    pub(crate) count: u64,
    /// It is this variable.
    pub(crate) variable: Option<&'a str>,
}

/// All of them. When all are found those that lie in another are taken out.
#[derive(Default)]
pub(crate) struct Extents<'a> {
    found: Vec<Extent<'a>>,
    seen: HashSet<(u64, u64, String)>,
}

impl<'a> Extents<'a> {
    pub(crate) fn get(&self, index: usize) -> Option<&Extent<'a>> {
        self.found.get(index)
    }

    pub(crate) fn add_variable(&mut self, walk: &Walk<'a>, name: &'a str, address: u64, ty: Type<'a>) {
        let end = address + walk.len(address, ty);
        self.found.push(Extent { start: address, end, ty, count: 1, variable: Some(name) });
    }

    /// Follows all pointers to where nothing new is reached, and keeps what lies in nothing else.
    pub(crate) fn follow(&mut self, walk: &Walk<'a>) {
        let mut next = 0;
        while let Some(extent) = self.found.get(next).copied() {
            next += 1;
            walk.elements(extent.start, extent.ty, extent.count, "", &mut |_, leaf, _| {
                self.reach(walk, &leaf);
            });
            if self.found.len() > MOST {
                break;
            }
        }
        // The largest first; of two of one size the one of the deeper type: a structure before its only member. The name makes it definite.
        self.found.sort_by_key(|extent| {
            let depth = std::cmp::Reverse(depth(extent.ty, 0));
            (
                extent.start,
                std::cmp::Reverse(extent.end),
                extent.variable.is_none(),
                depth,
                spelled(extent.ty),
            )
        });
        let mut end = 0;
        self.found.retain(|extent| {
            let is_inside = extent.end <= end;
            end = end.max(extent.end);
            !is_inside
        });
    }

    fn reach(&mut self, walk: &Walk<'a>, leaf: &Leaf<'a>) {
        let Leaf::Pointer(pointer) = leaf else { return };
        if pointer.address == 0 || pointer.is_end {
            return;
        }
        let (ty, count) = match pointer.to {
            Points::Objects(ty, count) => (ty, count),
            Points::Text(ty) if !walk.subject.program.range.contains(&pointer.address) => {
                let Some(text) = walk.subject.text(pointer.address) else { return };
                (ty, u64::try_from(text.len()).unwrap_or(0) + 1)
            }
            Points::Text(_) | Points::Function | Points::Unknown => return,
        };
        let len = match count {
            1 => walk.len(pointer.address, ty),
            _ => ty.size().unwrap_or(0).saturating_mul(count),
        };
        if len == 0 || walk.subject.bytes(pointer.address, len.min(1 << 20)).is_none() {
            return;
        }
        if self.seen.insert((pointer.address, count, spelled(ty))) {
            let (start, end) = (pointer.address, pointer.address + len);
            self.found.push(Extent { start, end, ty, count, variable: None });
        }
    }

    /// What lies at an address, and the way to something of that size there.
    pub(crate) fn place(&self, address: u64, size: u64) -> Option<(usize, String)> {
        let before = self.found.partition_point(|extent| extent.start <= address);
        let index = before.checked_sub(1)?;
        let extent = self.found.get(index).filter(|extent| address < extent.end)?;
        let offset = address - extent.start;
        let mut way = String::new();
        let one = extent.ty.size().unwrap_or(0).max(1);
        let (mut offset, mut ty) = match extent.count {
            1 => (offset, extent.ty),
            // A pointer to all of them is one to the first.
            count if offset == 0 && size >= one.saturating_mul(count) => return Some((index, way)),
            _ => {
                way.push_str(&format!("[{}]", offset / one));
                (offset % one, extent.ty)
            }
        };
        while let Some(resolved) = ty.resolved() {
            let here = ty.size().unwrap_or(0);
            if offset == 0 && (size == 0 || here <= size) {
                return Some((index, way));
            }
            match resolved.kind() {
                Kind::Array { element: Some(element), count } => {
                    let one = element.size().unwrap_or(1).max(1);
                    if matches!(count, Count::Exactly(0)) {
                        break;
                    }
                    way.push_str(&format!("[{}]", offset / one));
                    (offset, ty) = (offset % one, element);
                }
                Kind::Aggregate => {
                    let mut members = resolved.members().filter(|member| member.bit_size().is_none());
                    let inside = members.find_map(|member| {
                        let ty = member.ty()?;
                        let len = ty.size().unwrap_or(0);
                        // What is behind the end is of the flexible array.
                        let is_open = matches!(ty.kind(), Kind::Array { count: Count::Open, .. });
                        let is_here =
                            offset >= member.offset() && (is_open || offset < member.offset() + len);
                        is_here.then_some((member, ty))
                    });
                    let Some((member, below)) = inside else { break };
                    if let Some(name) = member.name() {
                        way.push_str(&format!(".{name}"));
                    }
                    (offset, ty) = (offset - member.offset(), below);
                }
                _ => break,
            }
        }
        if offset != 0 {
            way.push_str(&format!("+{offset}"));
        }
        Some((index, way))
    }
}

/// How many levels of types lie within each other.
fn depth(ty: Type<'_>, level: u32) -> u32 {
    if level > 32 {
        return level;
    }
    match ty.resolved().map(|ty| (ty, ty.kind())) {
        Some((_, Kind::Array { element: Some(element), .. })) => 1 + depth(element, level + 1),
        Some((ty, Kind::Aggregate)) => {
            let inside = ty.members().filter_map(|member| Some(depth(member.ty()?, level + 1)));
            1 + inside.max().unwrap_or(0)
        }
        _ => 0,
    }
}
