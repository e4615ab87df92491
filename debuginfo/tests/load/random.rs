//! Pseudo-random numbers, the same in every run, and structures made of them.

use std::fmt::Write;

/// xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        usize::try_from(number).unwrap_or(0) % bound.max(1)
    }

    fn pick<'s>(&mut self, among: &[&'s str]) -> &'s str {
        among[self.below(among.len())]
    }
}

/// A program that prints of each of its structures what the compiler has made of them:
/// `size STRUCTURE BYTES`, `member STRUCTURE NAME OFFSET BYTES` and `bits STRUCTURE NAME FIRST COUNT`.
pub(crate) fn program(random: &mut Random, structures: usize) -> String {
    let mut types = String::from(
        "#include <stdio.h>\n#include <stddef.h>\n#include <string.h>\n#include <stdbool.h>\n\
         enum small { NO, YES }; enum large { FAR = 0x7fffffff, NEAR = -1 };\ntypedef unsigned short half_t;\n",
    );
    let mut prints = String::from(
        "static void bits(const char *s, const char *m, const unsigned char *at, size_t n) {\n\
         size_t first = 0, count = 0;\n\
         for (size_t i = 0; i < n * 8; i++) if (at[i / 8] >> i % 8 & 1) { if (!count) first = i; count++; }\n\
         printf(\"bits %s %s %zu %zu\\n\", s, m, first, count); }\nint main(void) {\n",
    );
    for index in 0..structures {
        let structure = Structure { random: &mut *random, index, members: 0, prints: String::new() };
        let (text, printing) = structure.make();
        types.push_str(&text);
        prints.push_str(&printing);
    }
    types + &prints + "return 0; }\n"
}

struct Structure<'r> {
    random: &'r mut Random,
    index: usize,
    members: usize,
    prints: String,
}

impl Structure<'_> {
    fn make(mut self) -> (String, String) {
        let (name, index) = (format!("s{}", self.index), self.index);
        let keyword = if self.random.below(6) == 0 { "union" } else { "struct" };
        let mut body = String::new();
        for _ in 0..=self.random.below(9) {
            body.push_str(&self.member(2));
        }
        if keyword == "struct" && self.random.below(4) == 0 {
            body.push_str(self.random.pick(&["int tail[];", "char tail[0];", "long tail[][2];"]));
        }
        let attribute = match self.random.below(5) {
            0 => "__attribute__((packed))",
            1 => "__attribute__((aligned(32)))",
            2 => "__attribute__((packed, aligned(2)))",
            _ => "",
        };
        let text = format!("{keyword} {name} {{ {body} }} {attribute};\n{keyword} {name} v{index};\n");
        let size = format!("printf(\"size {name} %zu\\n\", sizeof v{index});\n");
        (text, size + &self.prints)
    }

    fn name(&mut self) -> String {
        self.members += 1;
        format!("m{}", self.members)
    }

    fn member(&mut self, deeper: usize) -> String {
        let (structure, variable) = (format!("s{}", self.index), format!("v{}", self.index));
        match self.random.below(if deeper == 0 { 8 } else { 10 }) {
            0..=2 => {
                let (ty, most) = [
                    ("int", 32),
                    ("unsigned", 32),
                    ("unsigned char", 8),
                    ("long", 64),
                    ("unsigned short", 16),
                    ("bool", 1),
                    ("half_t", 16),
                ][self.random.below(7)];
                if self.random.below(7) == 0 {
                    let width = self.random.below(most.min(9));
                    return format!("{ty} : {width};");
                }
                let (name, width) = (self.name(), 1 + self.random.below(most));
                let _ = writeln!(
                    self.prints,
                    "memset(&{variable}, 0, sizeof {variable}); {variable}.{name} = ({ty})-1; \
                     bits(\"{structure}\", \"{name}\", (unsigned char *)&{variable}, sizeof {variable});"
                );
                format!("{ty} {name} : {width};")
            }
            8 | 9 => {
                let mut body = String::new();
                for _ in 0..=self.random.below(3) {
                    body.push_str(&self.member(deeper - 1));
                }
                let packed = self.random.pick(&["", "", "__attribute__((packed))"]);
                format!("{} {{ {body} }} {packed};", self.random.pick(&["struct", "union"]))
            }
            _ => {
                let name = self.name();
                let types = [
                    "char",
                    "short",
                    "int",
                    "long",
                    "float",
                    "double",
                    "long double",
                    "bool",
                    "void *",
                    "half_t",
                    "enum small",
                    "enum large",
                    "const volatile int",
                    "__int128",
                    "_Complex float",
                ];
                let mut ty = self.random.pick(&types).to_owned();
                if self.index > 0 && self.random.below(5) == 0 {
                    // A structure with an open end may only stand at the end of another.
                    ty = format!("typeof(v{}) *", self.random.below(self.index));
                }
                let aligned = self.random.pick(&["", "", "", "__attribute__((aligned(16)))"]);
                let suffix = self.random.pick(&["", "", "", "[3]", "[2][5]", "[2][1][4]"]);
                let _ = writeln!(
                    self.prints,
                    "printf(\"member {structure} {name} %zu %zu\\n\", \
                     (size_t)((char *)&{variable}.{name} - (char *)&{variable}), sizeof {variable}.{name});"
                );
                format!("{ty} {name}{suffix} {aligned};")
            }
        }
    }
}
