//! A program as C: one text for each release, which do the same work in the same order.
//!
//! Every value is made from a seed, the member's number and what both releases' types can hold, so both set the same. Each world has
//! names of its own: `w0_s1` is the second structure of the first world, `w0_t1` the same where it has a new name.

#[path = "emit/member.rs"]
mod member;
#[path = "emit/show.rs"]
mod show;

use super::model::{Change, First, Global, Member, Program, Registry, Release, Struct, What, World};
use std::fmt::Write as _;

/// What values are made with.
const VALUES: &str = include_str!("emit/values.c");

/// The text of a release.
pub(crate) fn source(program: &Program, release: Release) -> String {
    let mut text = VALUES.to_owned();
    let mut calls = [String::new(), String::new(), String::new()];
    for (number, world) in program.worlds.iter().enumerate() {
        let emitter = Emitter { number, world, release };
        emitter.declarations(&mut text);
        emitter.functions(&mut text);
        emitter.work(&mut text);
        emitter.shows(&mut text);
        let _ = writeln!(calls[0], "    w{number}_start();");
        let _ = writeln!(calls[1], "    w{number}_serve();");
        let _ = writeln!(calls[2], "    w{number}_show();");
    }
    let [start, serve, show] = calls;
    let _ = write!(
        text,
        "\nvoid start(void) {{\n    make_first_block();\n{start}}}\n\nvoid serve(void) {{\n{serve}}}\n\n\
         void show(void) {{\n{show}}}\n"
    );
    text
}

/// Writes one world of one release.
#[derive(Clone, Copy)]
pub(crate) struct Emitter<'p> {
    pub(crate) number: usize,
    pub(crate) world: &'p World,
    pub(crate) release: Release,
}

/// A member of this release: its number, and what it is called.
pub(crate) struct Named<'p> {
    pub(crate) member: &'p Member,
    pub(crate) number: usize,
    pub(crate) name: String,
}

impl<'p> Emitter<'p> {
    pub(crate) fn is_new(self) -> bool {
        self.release == Release::New
    }

    /// A name of this world.
    pub(crate) fn own(self, rest: &str) -> String {
        format!("w{}_{rest}", self.number)
    }

    pub(crate) fn type_name(self, index: usize) -> String {
        let is_renamed = self.world.structs.get(index).is_some_and(|one| one.is_renamed);
        self.own(&format!("{}{index}", if is_renamed && self.is_new() { "t" } else { "s" }))
    }

    pub(crate) fn function_name(self, index: usize) -> String {
        let is_renamed = self.world.functions_renamed && self.is_new();
        self.own(&format!("{}{index}", if is_renamed { "h" } else { "f" }))
    }

    pub(crate) fn global_name(self, index: usize, global: &Global) -> String {
        let is_renamed = global.change == Change::Renamed && self.is_new();
        self.own(&format!("{}{index}", if is_renamed { "r" } else { "g" }))
    }

    pub(crate) fn member_name(self, number: usize, change: Change) -> String {
        match (change, self.release) {
            (Change::Renamed, Release::New) => format!("r{number}"),
            _ => format!("m{number}"),
        }
    }

    /// The members that this release has, in its order.
    pub(crate) fn members(self, one: &'p Struct) -> Vec<Named<'p>> {
        let here = one.members.iter().enumerate().filter(|(_, member)| member.change.is_in(self.release));
        let named = here.map(|(number, member)| {
            let name = self.member_name(number, member.change);
            Named { member, number, name }
        });
        let mut members: Vec<Named<'p>> = named.collect();
        if self.is_new() {
            members.sort_by_key(|named| named.member.rank);
        }
        members
    }

    pub(crate) fn is_inside(self, change: Change) -> bool {
        change == Change::MovedInside && self.is_new()
    }

    /// The old release has it in an object of its own.
    pub(crate) fn is_apart(self, change: Change) -> bool {
        change == Change::Merged && !self.is_new()
    }

    /// In which object there is what is merged: in the new release that is the one which it is merged into.
    pub(crate) fn part_type(self, index: usize) -> String {
        if self.is_new() || !self.has_part(index) {
            self.type_name(index)
        } else {
            self.own(&format!("p{index}"))
        }
    }

    pub(crate) fn has_part(self, index: usize) -> bool {
        self.world.structs.get(index).is_some_and(Struct::has_part)
    }

    /// How a member is reached from its object.
    pub(crate) fn reached(self, change: Change, name: &str) -> String {
        match (self.is_inside(change), self.is_apart(change)) {
            (true, _) => format!("inside.{name}"),
            (_, true) => format!("part->{name}"),
            _ => name.to_owned(),
        }
    }

    fn declarations(self, text: &mut String) {
        let mut constants: Vec<String> = (0..4).map(|index| self.constant(index)).collect();
        if let (Some(place), true) = (self.world.constant_before, self.is_new()) {
            constants.insert(place.min(4), format!("W{}_X", self.number));
        }
        let _ = writeln!(text, "\nenum {} {{ {} }};", self.own("kind"), constants.join(", "));
        for index in 0..self.world.structs.len() {
            let _ = writeln!(text, "struct {};\nstruct {};", self.type_name(index), self.part_type(index));
        }
        for (index, one) in self.world.structs.iter().enumerate() {
            self.structure(index, one, text);
        }
        let _ = writeln!(text, "int {};\nint {}[4];", self.own("starting"), self.own("spare"));
        if self.world.start_differs {
            let settings = self.own("settings");
            let _ = writeln!(
                text,
                "struct {settings} {{ int level; char name[8]; int calls; }};\nstruct {settings} {settings};\n\
                 struct {settings} *{settings}_made;"
            );
        }
        for (index, global) in self.world.globals.iter().enumerate() {
            if global.change.is_in(self.release) {
                let name = self.global_name(index, global);
                let _ = writeln!(text, "{};", self.declared(global.what, &name));
            }
        }
    }

    pub(crate) fn constant(self, index: usize) -> String {
        format!("W{}_{}", self.number, ["A", "B", "C", "D"][index % 4])
    }

    fn structure(self, index: usize, one: &'p Struct, text: &mut String) {
        let name = self.type_name(index);
        let members = self.members(one);
        let moved: Vec<&Named<'_>> =
            members.iter().filter(|named| self.is_inside(named.member.change)).collect();
        if !moved.is_empty() {
            let _ = writeln!(text, "struct {} {{", self.own(&format!("n{index}")));
            for named in moved {
                let _ = writeln!(text, "    {};", self.declared(named.member.what, &named.name));
            }
            let _ = writeln!(text, "}};");
        }
        if one.has_part() && !self.is_new() {
            let _ = writeln!(text, "struct {} {{\n    int mark;", self.part_type(index));
            for named in members.iter().filter(|named| self.is_apart(named.member.change)) {
                let _ = writeln!(text, "    {};", self.declared(named.member.what, &named.name));
            }
            let _ = writeln!(text, "}};");
        }
        let _ = writeln!(text, "struct {name} {{");
        let id_last = one.id_last && self.is_new();
        if !id_last {
            let _ = writeln!(text, "    int id;");
        }
        for named in &members {
            if !self.is_inside(named.member.change) && !self.is_apart(named.member.change) {
                let _ = writeln!(text, "    {};", self.declared(named.member.what, &named.name));
            }
        }
        match (one.has_part(), self.is_new()) {
            (true, true) => drop(writeln!(text, "    int mark;")),
            (true, false) => drop(writeln!(text, "    struct {} *part;", self.part_type(index))),
            (false, _) => {}
        }
        if members.iter().any(|named| self.is_inside(named.member.change)) {
            let _ = writeln!(text, "    struct {} inside;", self.own(&format!("n{index}")));
        }
        match one.registry {
            Registry::Array(_) => {}
            Registry::List => drop(writeln!(text, "    struct {name} *next;")),
            Registry::Tree => drop(writeln!(text, "    struct {name} *down[2];")),
        }
        if id_last {
            let _ = writeln!(text, "    int id;");
        }
        let _ = writeln!(text, "}};");
        let all = self.own(&format!("all{index}"));
        match one.registry {
            Registry::Array(more) => {
                let room = 16 + usize::from(if self.is_new() { more } else { 0 });
                let _ = writeln!(text, "struct {name} *{all}[{room}];");
            }
            Registry::List | Registry::Tree => drop(writeln!(text, "struct {name} *{all};")),
        }
        let _ = writeln!(text, "unsigned {};", self.own(&format!("count{index}")));
        if one.freed > 0 {
            let _ = writeln!(text, "struct {name} *{}[{}];", self.own(&format!("gone{index}")), one.freed);
        }
    }

    /// Functions that pointers lead to, and how values are told.
    fn functions(self, text: &mut String) {
        let order: Vec<usize> = if self.is_new() { vec![2, 0, 1] } else { vec![0, 1, 2] };
        for index in order {
            let name = self.function_name(index);
            let _ = writeln!(
                text,
                "void {name}(int value);\nvoid {name}(int value) {{ {}[{index}] += value + {index}; }}",
                self.own("spare")
            );
        }
        let arms = |value: &dyn Fn(usize) -> String| -> String {
            (0..3).map(|index| format!("    case {index}: return {};\n", value(index))).collect()
        };
        let _ = write!(
            text,
            "TOLD enum {kind} {kind}_of(uint64_t n) {{\n    switch (n % 4) {{\n{}    default: return {};\n    }}\n}}\n\
             TOLD {function} {{\n    switch (n % 4) {{\n{}    default: return NULL;\n    }}\n}}\n\
             TOLD const char *{text_of}(uint64_t n) {{\n    switch (n % 4) {{\n{}    default: return NULL;\n    }}\n}}\n",
            arms(&|index| self.constant(index)),
            self.constant(3),
            arms(&|index| self.function_name(index)),
            arms(&|index| format!("\"text {index} of world {}\"", self.number)),
            kind = self.own("kind"),
            function = format_args!("void (*{}(uint64_t n))(int)", self.own("function_of")),
            text_of = self.own("text_of"),
        );
        for index in 0..self.world.structs.len() {
            let (name, at) = (self.type_name(index), self.own(&format!("at{index}")));
            let _ = writeln!(text, "MADE struct {name} *{at}(uint64_t n);");
        }
        for (index, one) in self.world.structs.iter().enumerate() {
            self.setter(index, one, text);
            self.registry(index, one, text);
        }
    }

    /// Sets members: all, or some by chance.
    fn setter(self, index: usize, one: &'p Struct, text: &mut String) {
        let (name, set) = (self.type_name(index), self.own(&format!("set{index}")));
        let _ = writeln!(text, "MADE void {set}(struct {name} *o, uint64_t s, int all) {{");
        if one.has_part() {
            if !self.is_new() {
                let _ = write!(
                    text,
                    "    if (!o->part) {{\n        o->part = calloc(1, sizeof *o->part);\n        if (!o->part) {{\n            \
                     abort();\n        }}\n    }}\n"
                );
            }
            let mark = self.reached(Change::Merged, "mark");
            let _ = writeln!(
                text,
                "    if (all || due(s, 98)) {{\n        o->{mark} = (int)pick(s, 98, -500, 1000);\n    }}"
            );
        }
        let mut members = self.members(one);
        // In the order of the old release: what is made on the way is made in the same order.
        members.sort_by_key(|named| named.number);
        for Named { member, number, name } in members {
            let place = format!("o->{}", self.reached(member.change, &name));
            match member.change {
                Change::Added(first) => self.first(member.what, first, &place, text),
                _ => {
                    let set = self.set(member.what, &place, number);
                    let _ = writeln!(text, "    if (all || due(s, {number})) {{\n{set}    }}");
                }
            }
        }
        let _ = writeln!(text, "    (void)o, (void)s, (void)all;\n}}");
    }

    /// The first value of a new member, as the rules have it too.
    fn first(self, what: What, first: First, place: &str, text: &mut String) {
        let _ = match (what, first) {
            (What::Int { .. }, First::Number(number)) => {
                writeln!(text, "    if (all) {{\n        {place} = {number};\n    }}")
            }
            (What::Int { new, .. }, First::FromId(more)) => {
                writeln!(text, "    {place} = ({})(o->id + {more});", new.spelled())
            }
            (What::Int { .. }, First::Reset(number)) => writeln!(
                text,
                "    if (all && {}) {{\n        {place} = {number};\n    }}",
                self.own("starting")
            ),
            (What::Text { .. }, _) => {
                writeln!(text, "    memset({place}, 0, sizeof {place});\n    {place}[0] = 'n';")
            }
            _ => writeln!(text, "    {place} = NULL;"),
        };
    }

    /// How objects are made, and found.
    fn registry(self, index: usize, one: &Struct, text: &mut String) {
        let name = self.type_name(index);
        let [at, all, count, make, set] =
            ["at", "all", "count", "make", "set"].map(|part| self.own(&format!("{part}{index}")));
        let (way, link) = match one.registry {
            Registry::Array(_) => (format!("    return {all}[n];\n"), format!("    {all}[{count}] = o;\n")),
            Registry::List => (
                format!(
                    "    struct {name} *o = {all};\n    while (n-- > 0) {{\n        o = o->next;\n    }}\n    return o;\n"
                ),
                format!("    o->next = {all};\n    {all} = o;\n"),
            ),
            Registry::Tree => (
                format!("    return *place{index}_{}(n);\n", self.number),
                format!("    *place{index}_{}({count}) = o;\n", self.number),
            ),
        };
        if one.registry == Registry::Tree {
            let _ = write!(
                text,
                "MADE struct {name} **place{index}_{}(uint64_t n) {{\n    struct {name} **place = &{all};\n    \
                 for (n++; n > 1; n /= 2) {{\n        place = &(*place)->down[n % 2];\n    }}\n    return place;\n}}\n",
                self.number
            );
        }
        let _ = write!(
            text,
            "MADE struct {name} *{at}(uint64_t n) {{\n    if ({count} == 0) {{\n        return NULL;\n    }}\n    \
             n %= {count};\n{way}}}\n\
             MADE void {make}(uint64_t s) {{\n    struct {name} *o = calloc(1, sizeof *o);\n    if (!o) {{\n        \
             abort();\n    }}\n{link}    {count}++;\n    o->id = (int)pick(s, 99, -500, 1000);\n    {set}(o, s, 1);\n}}\n",
        );
        if one.freed > 0 {
            let [hold, gone] = ["hold", "gone"].map(|part| self.own(&format!("{part}{index}")));
            let _ = write!(
                text,
                "MADE void {hold}(uint64_t s, int n) {{\n    struct {name} *o = calloc(1, sizeof *o);\n    if (!o) {{\n        \
                 abort();\n    }}\n    {gone}[n] = o;\n    o->id = (int)pick(s, 99, -500, 1000);\n    {set}(o, s, 1);\n}}\n",
            );
        }
    }

    /// What start-up does, and what is done later.
    fn work(self, text: &mut String) {
        let seed = u64::from(self.world.seed);
        let mut start = format!("    {} = 1;\n", self.own("starting"));
        let mut serve = format!("    {} = 0;\n", self.own("starting"));
        for (index, one) in self.world.structs.iter().enumerate() {
            let call = |what: &str, arguments: String| {
                format!("    {}({arguments});\n", self.own(&format!("{what}{index}")))
            };
            let seed = seed * 1000 + u64::try_from(index).unwrap_or(0) * 100;
            for number in 0..u64::from(one.first) {
                start.push_str(&call("make", (seed + number).to_string()));
            }
            for number in 0..u64::from(one.freed) {
                start.push_str(&call("hold", format!("{}, {number}", seed + 60 + number)));
                let gone = self.own(&format!("gone{index}[{number}]"));
                serve.push_str(&format!("    free({gone});\n    {gone} = NULL;\n"));
            }
            for number in 0..u64::from(one.later) {
                serve.push_str(&call("make", (seed + 20 + number).to_string()));
            }
            for number in 0..u64::from(one.changed) {
                let at = format!("{}({})", self.own(&format!("at{index}")), seed + 3 * number);
                serve.push_str(&format!(
                    "    if ({at}) {{\n    {}    }}\n",
                    call("set", format!("{at}, {}, 0", seed + 40 + number))
                ));
            }
        }
        for (index, global) in self.world.globals.iter().enumerate() {
            if !global.change.is_in(self.release) {
                continue;
            }
            let name = self.global_name(index, global);
            let set = self.set(global.what, &name, 200 + index);
            start.push_str(&format!("    {{\n        int all = 1;\n        (void)all;\n{set}    }}\n"));
            // What is new has nobody who told the old release's later values.
            if !matches!(global.change, Change::Added(_)) {
                serve.push_str(&format!(
                    "    if (due(s, {})) {{\n        int all = 0;\n        (void)all;\n{set}    }}\n",
                    200 + index
                ));
            }
        }
        if self.world.start_differs {
            let (settings, level) = (self.own("settings"), if self.is_new() { 9 } else { 5 });
            let made = format!("{settings}_made");
            start.push_str(&format!(
                "    {settings}.level = {level};\n    strcpy({settings}.name, \"is {level}\");\n    {made} = calloc(1, sizeof *{made});\n    \
                 if (!{made}) {{\n        abort();\n    }}\n    {made}->level = {level} * 2;\n    strcpy({made}->name, \"on {level}\");\n"
            ));
            serve.push_str(&format!("    {settings}.calls += 3;\n    {made}->calls += 4;\n"));
        }
        for (phase, seed, body) in [("start", seed + 1, start), ("serve", seed + 2, serve)] {
            let name = self.own(phase);
            let _ =
                write!(text, "MADE void {name}(void) {{\n    uint64_t s = {seed};\n    (void)s;\n{body}}}\n");
        }
    }
}
