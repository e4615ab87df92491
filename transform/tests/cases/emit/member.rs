//! How one member or variable is declared, and how it is set.

use super::super::model::{Change, Int, What};
use super::Emitter;

impl Emitter<'_> {
    /// The declaration, without a semicolon.
    pub(crate) fn declared(self, what: What, name: &str) -> String {
        let is_new = self.is_new();
        let one = |old: Int, new: Int| if is_new { new } else { old };
        let room = |old: u8, new: u8| if is_new { new } else { old };
        let kind = self.own("kind");
        match what {
            What::Int { old, new } => format!("{} {name}", one(old, new).spelled()),
            What::Bits { old, new, is_signed } => {
                format!("{} {name} : {}", if is_signed { "int" } else { "unsigned" }, room(old, new))
            }
            What::Real { old_is_wide, new_is_wide } => {
                let is_wide = if is_new { new_is_wide } else { old_is_wide };
                format!("{} {name}", if is_wide { "double" } else { "float" })
            }
            What::Text { old, new } => format!("char {name}[{}]", room(old, new)),
            What::Constant => format!("enum {kind} {name}"),
            What::Ints { of, old, new } => format!("{} {name}[{}]", of.spelled(), room(old, new)),
            What::Inside(of) => format!("struct {} {name}", self.type_name(of)),
            What::Part(of) => format!("struct {} *{name}", self.part_type(of)),
            What::Object(of) | What::Tagged(of) => format!("struct {} *{name}", self.type_name(of)),
            What::Id(_) | What::Variable => format!("int *{name}"),
            What::Function => format!("void (*{name})(int)"),
            What::Literal => format!("const char *{name}"),
            What::Name => format!("char *{name}"),
            What::Any => format!("enum {kind} {name}_kind;\n    void *{name}"),
            What::Counted(of) => {
                format!("unsigned {name}_count;\n    struct {} *{name}", self.type_name(of))
            }
            What::Numbers(of) => format!("unsigned short {name}_count;\n    {} *{name}", of.spelled()),
            What::Union { new_is_wide, to } => format!(
                "enum {kind} {name}_kind;\n    union {{\n        {} number;\n        double real;\n        \
                 char text[8];\n        struct {} *object;\n    }} {name}",
                if new_is_wide && is_new { "long" } else { "int" },
                self.type_name(to)
            ),
        }
    }

    /// Statements that set it, from the seed `s`.
    pub(crate) fn set(self, what: What, place: &str, number: usize) -> String {
        let pointer = |of: usize| format!("{}(mix(s, {number}))", self.own(&format!("at{of}")));
        let value = |seed: &str, (least, most): (i128, i128)| {
            let span = most - least;
            // C has no literal for the least of all.
            let least =
                if least == i128::from(i64::MIN) { "INT64_MIN".to_owned() } else { least.to_string() };
            format!("pick({seed}, {number}, {least}, {span}u)")
        };
        match what {
            What::Int { old, new } => {
                let int = if self.is_new() { new } else { old };
                format!("        {place} = ({}){};\n", int.spelled(), value("s", old.common(new)))
            }
            What::Bits { old, new, is_signed } => {
                let bits = u32::from(old.min(new));
                let range = if is_signed {
                    (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
                } else {
                    (0, (1 << bits) - 1)
                };
                let cast = if is_signed { "int" } else { "unsigned" };
                format!("        {place} = ({cast}){};\n", value("s", range))
            }
            What::Real { .. } => {
                format!("        {place} = 0.25f * (float)pick(s, {number}, -1000, 2000);\n")
            }
            What::Text { old, .. } => {
                format!("        letters({place}, sizeof {place}, {}, s, {number});\n", old - 1)
            }
            What::Constant => format!("        {place} = {}_of(mix(s, {number}));\n", self.own("kind")),
            What::Ints { of, old, new } => {
                // What one has no room for the other may have.
                let count = if new < old && self.is_new() { new } else { old };
                let value = value("s + i", of.common(of));
                format!(
                    "        for (unsigned i = 0; i < {count}; i++) {{\n            {place}[i] = ({}){value};\n        }}\n",
                    of.spelled()
                )
            }
            What::Inside(of) => {
                format!("        {}(&{place}, mix(s, {number}), all);\n", self.own(&format!("set{of}")))
            }
            What::Object(of) => format!("        {place} = {};\n", pointer(of)),
            What::Tagged(of) => format!(
                "        {{\n            uintptr_t to = (uintptr_t){};\n            {place} = (void *)(to ? to | (s & 1) : 0);\n        }}\n",
                pointer(of)
            ),
            What::Id(of) => {
                let mark = self.reached(Change::Merged, "mark");
                let member = match self.has_part(of) {
                    true => format!("s % 2 ? &to->{mark} : &to->id"),
                    false => "&to->id".to_owned(),
                };
                format!(
                    "        {{\n            struct {} *to = {};\n            {place} = !to ? NULL : {member};\n        }}\n",
                    self.type_name(of),
                    pointer(of)
                )
            }
            What::Part(of) if self.is_apart(Change::Merged) && self.has_part(of) => format!(
                "        {{\n            struct {} *to = {};\n            {place} = to ? to->part : NULL;\n        }}\n",
                self.type_name(of),
                pointer(of)
            ),
            What::Part(of) => format!("        {place} = {};\n", pointer(of)),
            What::Function => format!("        {place} = {}(mix(s, {number}));\n", self.own("function_of")),
            What::Variable => format!("        {place} = &{}[mix(s, {number}) % 4];\n", self.own("spare")),
            What::Literal => format!("        {place} = {}(mix(s, {number}));\n", self.own("text_of")),
            // Another one, or another text in its place.
            What::Name => format!(
                "        if (!{place} || mix(s, {number}) % 3) {{\n            free({place});\n            {place} = malloc(24);\n        \
                 }}\n        if (!{place}) {{\n            abort();\n        }}\n        letters({place}, 24, 23, s, {number});\n"
            ),
            What::Any => self.any(place, number),
            What::Counted(of) => {
                let body =
                    format!("{}(&{place}[i], mix(s + i, {number}), 1);", self.own(&format!("set{of}")));
                array(place, number, "", &body)
            }
            What::Numbers(of) => {
                let body = format!("{place}[i] = ({})mix(s + i, {number});", of.spelled());
                // Nobody says how many there are: bytes read as a text, which has an end.
                let end = if of.bits == 8 { " + 1" } else { "" };
                array(place, number, end, &body)
            }
            What::Union { to, .. } => {
                let kind = self.own("kind");
                let case = |index: usize, set: String| {
                    format!("        case {}:\n            {set}\n            break;\n", self.constant(index))
                };
                let cases = [
                    case(0, format!("{place}.number = (int)pick(s, {number}, -100000, 200000);")),
                    case(1, format!("{place}.real = 0.5 * (double)pick(s, {number}, -100, 200);")),
                    case(2, format!("letters({place}.text, 8, 7, s, {number});")),
                    case(3, format!("{place}.object = {};", pointer(to))),
                ];
                format!(
                    "        memset(&{place}, 0, sizeof {place});\n        {place}_kind = {kind}_of(mix(s, {number}) >> 8);\n        \
                     switch ((int){place}_kind) {{\n{}        }}\n",
                    cases.concat()
                )
            }
        }
    }

    /// A pointer to an object of some type, or to nothing.
    fn any(self, place: &str, number: usize) -> String {
        let kind = self.own("kind");
        let arms: Vec<String> = (0..self.world.structs.len().min(3))
            .map(|index| {
                format!(
                    "        case {}:\n            {place} = {}(mix(s, {number}) >> 4);\n            break;\n",
                    self.constant(index),
                    self.own(&format!("at{index}"))
                )
            })
            .collect();
        format!(
            "        {place}_kind = {kind}_of(mix(s, {number}));\n        switch ((int){place}_kind) {{\n{}        \
             default:\n            {place} = NULL;\n        }}\n",
            arms.concat()
        )
    }
}

/// Elements behind a pointer, made anew; in C, for how many more there is room.
fn array(place: &str, number: usize, more: &str, body: &str) -> String {
    format!(
        "        free({place});\n        {place}_count = (unsigned short)pick(s, {number}, 1, 3);\n        \
         {place} = calloc({place}_count{more}, sizeof *{place});\n        if (!{place}) {{\n            abort();\n        }}\n        \
         for (unsigned i = 0; i < {place}_count; i++) {{\n            {body}\n        }}\n"
    )
}
