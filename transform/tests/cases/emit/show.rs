//! How a program says by its own code what it holds: values, and of what pointers lead to whose it is, never where.

use super::super::model::What;
use super::{Emitter, Named};
use std::fmt::Write as _;

impl Emitter<'_> {
    /// Functions that say all of this world.
    pub(crate) fn shows(self, text: &mut String) {
        for index in 0..self.world.structs.len() {
            let _ =
                writeln!(text, "MADE void {}(struct {} *o);", self.show_name(index), self.type_name(index));
        }
        let mut all = String::new();
        for (index, one) in self.world.structs.iter().enumerate() {
            let mut said = "    say(\"id %d\\n\", o->id);\n".to_owned();
            for Named { member, name, .. } in self.members(one) {
                let place = self.reached(member.change, &name);
                said.push_str(&self.said(member.what, &format!("o->{place}")));
            }
            let (name, show) = (self.type_name(index), self.show_name(index));
            let _ = write!(text, "MADE void {show}(struct {name} *o) {{\n{said}}}\n");
            let [count, at] = ["count", "at"].map(|part| self.own(&format!("{part}{index}")));
            let _ = write!(
                all,
                "    for (unsigned n = 0; n < {count}; n++) {{\n        {show}({at}(n));\n    }}\n"
            );
        }
        for (index, global) in self.world.globals.iter().enumerate() {
            if global.change.is_in(self.release) {
                all.push_str(&self.said(global.what, &self.global_name(index, global)));
            }
        }
        let spare = self.own("spare");
        let _ = write!(
            text,
            "MADE void {}(void) {{\n{all}    for (int i = 0; i < 4; i++) {{\n        say(\"%d\\n\", {spare}[i]);\n    }}\n}}\n",
            self.own("show")
        );
    }

    fn show_name(self, index: usize) -> String {
        self.own(&format!("show{index}"))
    }

    /// A statement that says one member or variable.
    fn said(self, what: What, place: &str) -> String {
        let number = |value: &str| format!("say(\"{place} %lld\\n\", (long long)({value}));");
        let id = |pointer: &str| {
            format!("if ({pointer}) {{\n        {}\n    }}", number(&format!("({pointer})->id")))
        };
        let each = |count: &str, one: &str| {
            format!("for (size_t i = 0; i < {count}; i++) {{\n        {one}\n    }}")
        };
        let statement = match what {
            What::Int { .. } | What::Bits { .. } | What::Constant => number(place),
            What::Real { .. } => format!("say(\"{place} %.17g\\n\", (double){place});"),
            What::Text { .. } => format!("say(\"{place} %.*s\\n\", (int)sizeof {place}, {place});"),
            What::Ints { .. } => {
                each(&format!("sizeof {place} / sizeof *{place}"), &number(&format!("{place}[i]")))
            }
            What::Inside(of) => format!("{}(&{place});", self.show_name(of)),
            What::Part(of) if self.has_part(of) => {
                format!("if ({place}) {{\n        {}\n    }}", number(&format!("{place}->mark")))
            }
            What::Object(_) | What::Part(_) => id(place),
            What::Tagged(of) => format!(
                "{{\n        struct {} *to = (void *)((uintptr_t){place} & ~1ul);\n    {}\n    {}\n    }}",
                self.type_name(of),
                id("to"),
                number(&format!("(uintptr_t){place} & 1"))
            ),
            What::Id(_) => format!("if ({place}) {{\n        {}\n    }}", number(&format!("*{place}"))),
            What::Function => {
                let names: Vec<String> = (0..3).map(|index| self.function_name(index)).collect();
                let [first, second, third] = names.as_slice() else { return String::new() };
                number(&format!(
                    "!{place} ? -1 : {place} == {first} ? 0 : {place} == {second} ? 1 : {place} == {third} ? 2 : 3"
                ))
            }
            What::Variable => {
                format!(
                    "if ({place}) {{\n        {}\n    }}",
                    number(&format!("{place} - {}", self.own("spare")))
                )
            }
            What::Literal | What::Name => format!("say(\"{place} %s\\n\", {place} ? {place} : \"none\");"),
            What::Any => {
                let arm = |index: usize| {
                    let object = format!("(struct {} *){place}", self.type_name(index));
                    format!("    case {}:\n    {}\n        break;\n", self.constant(index), id(&object))
                };
                let arms: String = (0..self.world.structs.len().min(3)).map(arm).collect();
                format!("switch ((int){place}_kind) {{\n{arms}    default:\n        break;\n    }}")
            }
            What::Counted(of) => {
                each(&format!("{place}_count"), &format!("{}(&{place}[i]);", self.show_name(of)))
            }
            What::Numbers(_) => each(&format!("{place}_count"), &number(&format!("{place}[i]"))),
            What::Union { .. } => {
                let arms = [
                    number(&format!("{place}.number")),
                    format!("say(\"{place} %.17g\\n\", {place}.real);"),
                    format!("say(\"{place} %.8s\\n\", {place}.text);"),
                    id(&format!("{place}.object")),
                ];
                let arm = |(index, said): (usize, &String)| {
                    format!("    case {}:\n        {said}\n        break;\n", self.constant(index))
                };
                let arms: String = arms.iter().enumerate().map(arm).collect();
                format!("switch ((int){place}_kind) {{\n{arms}    }}")
            }
        };
        format!("    {statement}\n")
    }
}
