//! The rules that go with a made-up program: what no name and no type can tell.

use super::emit::Emitter;
use super::model::{Change, First, Member, Program, Release, What, World};
use std::fmt::Write as _;

/// The text of a rule file.
pub(crate) fn rules(program: &Program) -> String {
    let mut text = "mcrx 1\nprogram case\nfrom \"1\"\nto \"2\"\n".to_owned();
    for (number, world) in program.worlds.iter().enumerate() {
        let old = Emitter { number, world, release: Release::Old };
        let writer = Writer { world, old, new: Emitter { release: Release::New, ..old } };
        writer.facts(&mut text);
        writer.types(&mut text);
        writer.variables(&mut text);
    }
    text
}

struct Writer<'p> {
    world: &'p World,
    old: Emitter<'p>,
    new: Emitter<'p>,
}

impl Writer<'_> {
    fn facts(&self, text: &mut String) {
        for (index, one) in self.world.structs.iter().enumerate() {
            let owner = self.old.type_name(index);
            for (number, member) in one.members.iter().enumerate() {
                let place = format!("{owner}.m{number}");
                let _ = match member.what {
                    What::Tagged(of) => writeln!(text, "field {place} : {} tagged 1", self.old.type_name(of)),
                    What::Counted(of) => {
                        writeln!(text, "field {place} : {}[m{number}_count]", self.old.type_name(of))
                    }
                    What::Any => {
                        let arms = (0..self.world.structs.len().min(3)).map(|of| {
                            format!("    {} => {}\n", self.old.constant(of), self.old.type_name(of))
                        });
                        let arms: String = arms.collect();
                        writeln!(text, "field {place} : match m{number}_kind {{\n{arms}    _ => opaque\n}}")
                    }
                    What::Union { .. } => {
                        let arms = ["number", "real", "text", "object"].iter().enumerate();
                        let arms = arms.map(|(of, arm)| format!("    {} => .{arm}\n", self.old.constant(of)));
                        let arms: String = arms.collect();
                        writeln!(text, "field {place} : match m{number}_kind {{\n{arms}}}")
                    }
                    _ => Ok(()),
                };
            }
        }
    }

    fn types(&self, text: &mut String) {
        for (index, one) in self.world.structs.iter().enumerate() {
            let (old, new) = (self.old.type_name(index), self.new.type_name(index));
            let members = one.members.iter().enumerate();
            // Of several types that are merged each member's name begins with its own.
            let own = if one.has_part() { format!("{old}.") } else { String::new() };
            let mut lines: String =
                members.filter_map(|(number, member)| self.member((&own, number), member)).collect();
            let old = match one.has_part() {
                true => {
                    lines.push_str(&format!("    mark = old.part.mark\n    drop {old}.part\n"));
                    format!("{old} + {}", self.old.part_type(index))
                }
                false => old,
            };
            if old != new {
                let _ = writeln!(text, "type {old} -> {new} {{\n{lines}}}");
            } else if !lines.is_empty() {
                let _ = writeln!(text, "type {old} {{\n{lines}}}");
            }
        }
    }

    fn member(&self, (own, number): (&str, usize), member: &Member) -> Option<String> {
        let (old, new) =
            (self.old.member_name(number, member.change), self.new.member_name(number, member.change));
        let to = if member.change == Change::MovedInside { format!("inside.{new}") } else { new };
        let is_narrower = match member.what {
            What::Int { old, new } => new.bits < old.bits,
            What::Bits { old, new, .. } => new < old,
            _ => false,
        };
        let is_shorter = match member.what {
            What::Ints { old, new, .. } if new < old => Some(new),
            _ => None,
        };
        Some(match member.change {
            Change::Added(first) => match (member.what, first) {
                (What::Int { .. }, First::Number(number)) => format!("    {to} = {number}\n"),
                (What::Int { new, .. }, First::FromId(more)) => match new.bits {
                    // C takes the lowest bits.
                    8 | 16 if new.is_signed => {
                        let (half, whole) = (1 << (new.bits - 1), 1 << new.bits);
                        let low = format!("(old.id + {more}) & {}", whole - 1);
                        format!("    {to} = ({low}) < {half} ? {low} : ({low}) - {whole}\n")
                    }
                    8 | 16 => format!("    {to} = (old.id + {more}) & {}\n", (1 << new.bits) - 1),
                    32 if !new.is_signed => format!("    {to} = (old.id + {more}) & 0xffffffff\n"),
                    64 if !new.is_signed => format!("    {to} = (old.id + {more}) & 0xffffffffffffffff\n"),
                    _ => format!("    {to} = old.id + {more}\n"),
                },
                (What::Int { .. }, First::Reset(_)) => format!("    reset {to}\n"),
                (What::Text { .. }, _) => format!("    {to} = \"n\"\n"),
                _ => format!("    {to} = null\n"),
            },
            Change::Dropped => {
                let beside = match member.what {
                    What::Any | What::Union { .. } => format!(", {own}{old}_kind"),
                    What::Counted(_) | What::Numbers(_) => format!(", {own}{old}_count"),
                    _ => String::new(),
                };
                format!("    drop {own}{old}{beside}\n")
            }
            Change::Merged => format!("    {to} = old.part.{old}\n"),
            _ if is_shorter.is_some() => {
                format!("    {to} = old.{old}[0 .. {}]\n", is_shorter.unwrap_or_default())
            }
            _ if is_narrower => format!("    {to} = old.{old}\n"),
            Change::Renamed | Change::MovedInside => format!("    {old} -> {to}\n"),
            Change::Stays => return None,
        })
    }

    fn variables(&self, text: &mut String) {
        for (index, global) in self.world.globals.iter().enumerate() {
            let (old, new) = (self.old.global_name(index, global), self.new.global_name(index, global));
            let _ = match global.change {
                Change::Renamed => writeln!(text, "global {old} -> {new}"),
                Change::Dropped => writeln!(text, "global {old} drop"),
                _ => Ok(()),
            };
        }
        if self.world.functions_renamed {
            for index in 0..3 {
                let (old, new) = (self.old.function_name(index), self.new.function_name(index));
                let _ = writeln!(text, "function {old} -> {new}");
            }
        }
    }
}
