//! Rules of two small releases, and what is derived from them.

use super::compiled::table;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load;
use mcrx_dsl::reverse::{self, Between, Reversed};
use mcrx_dsl::source::Only;
use mcrx_dsl::test;
use std::path::Path;
use std::sync::LazyLock;

const OLD: &str = "
enum color { RED, GREEN, BLUE };
struct number { int plain; int moved; int kept; long wide; unsigned char narrow; int gone; };
struct array { int few[3]; enum color colors[2]; enum color color; char text[4]; char *name; void *p[2]; };
struct node { int id; struct node *next; };
struct pair { int left; struct other *other; enum color color; unsigned char size; };
struct other { int right; };
struct whole { int id; int name; char *text; };
int counter, gone_for_good, halves, twice;
struct number *number; struct array *array; struct node *node; struct pair *pair; struct whole *whole;
int first(void) { return counter; }
int second(void) { return halves; }
int main(void) { return number != 0 || array != 0 || node != 0 || pair != 0 || whole != 0 || first() || second() || gone_for_good || twice; }
";
const NEW: &str = "
enum color { GREEN, RED, BLUE, PINK };
struct inner { int moved; int spare; };
struct number { int computed; struct inner inner; int kept; short wide; int narrow; int fresh; };
struct array { int few[5]; enum color colors[2]; enum color color; char text[8]; char name[8]; void *p[4]; };
struct node { int id; struct node *next; int more; };
struct pair { int left; int right; enum color color; int size; };
struct half { int id; struct part *part; };
struct part { int name; char *text; };
struct stats { int counter; } stats;
int quarters, twofold, only_new;
struct number *number; struct array *array; struct node *node; struct pair *pair; struct half *whole;
int one(void) { return stats.counter; }
int main(void) { return number != 0 || array != 0 || node != 0 || pair != 0 || whole != 0 || one() || quarters || twofold || only_new; }
";

static RELEASES: LazyLock<(Table, Table)> = LazyLock::new(|| {
    let of = |source: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program.c");
        std::fs::write(&file, source).unwrap();
        table(&file)
    };
    (of(OLD), of(NEW))
});

/// What has to be said of the two releases besides, by what it is about.
const REST: &[(&str, &str)] = &[
    (
        "type number",
        "type number { plain -> computed  moved -> inner.moved  inner.spare = 0  fresh = 0  wide = old.wide  drop gone }",
    ),
    ("type array", "type array { name = text(old.name) }"),
    ("type node", "type node { more = 0 }"),
    ("type pair", "type pair + other -> pair { right = old.other.right  drop other }"),
    (
        "type whole",
        "type whole -> half + part { half.part = &part  half.id = old.id  part.name = old.name  part.text = old.text }",
    ),
    ("counter", "global counter -> stats.counter"),
    ("gone_for_good", "global gone_for_good -> quarters"),
    ("twice", "global twice -> twofold"),
    ("halves", "global halves drop  down { global halves = 0 }"),
];

/// Rules, and the rest.
fn whole(rules: &str) -> String {
    let rest = REST.iter().filter(|(about, _)| !rules.contains(about));
    let rest: String = rest.map(|(_, says)| format!("{says}\n")).collect();
    format!("{rules}\n{rest}")
}

/// What is derived from rules and the rest, and what is told of the rules: codes with the text that they are at.
fn reversed(rules: &str) -> (Reversed, Vec<String>) {
    let loaded = load::rules(Path::new("rules.mcrx"), &Only(&whole(rules)));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let (old, new) = &*RELEASES;
    let reversed = reverse::rules(&Between { old, new, loaded: &loaded, live: None, folder: None });
    let own = reversed.lost.iter().filter(|one| one.span.range().start < rules.len());
    let told = own.map(|one| format!("{} {}", one.code, loaded.files.at(one.span)));
    (reversed.clone(), told.collect())
}

/// Whether each of some lines is in the derived file. White space between words does not count.
#[track_caller]
fn says(reversed: &Reversed, lines: &[&str]) {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = plain(&reversed.text);
    for line in lines {
        assert!(text.contains(&plain(line)), "no {line:?} in\n{}", reversed.text);
    }
}

/// The rules' value of `computed` goes there and back for some numbers.
#[track_caller]
fn is_inverted(value: &str, numbers: &[(i64, i64)]) {
    let rest = "drop gone\n fresh = 0\n moved -> inner.moved\n inner.spare = 0\n wide = old.wide";
    let rules =
        format!("type number {{ computed = {value}\n {rest} }}\ndown {{ type number {{ gone = 0 }} }}");
    let (reversed, told) = reversed(&rules);
    assert_eq!((reversed.holes, told.len()), (0, 0), "{value}: {told:?}\n{}", reversed.text);
    let tests = |from: &str, to: &str, turn: fn((i64, i64)) -> (i64, i64)| -> String {
        let of = |(number, &pair): (usize, &(i64, i64))| {
            let (before, after) = turn(pair);
            format!(
                "test \"{number}\" {{ given number {{ {from} = {before} }} expect number {{ {to} = {after} }} }}\n"
            )
        };
        numbers.iter().enumerate().map(of).collect()
    };
    let (old, new) = &*RELEASES;
    let there = format!("{}\n{}", whole(&rules), tests("plain", "computed", |pair| pair));
    let back = format!("{}\n{}", reversed.text, tests("computed", "plain", |(one, other)| (other, one)));
    for (text, from, to) in [(there, old, new), (back, new, old)] {
        let loaded = load::rules(Path::new("rules.mcrx"), &Only(&text));
        let report = test::run(&loaded.rules, from, to);
        assert!(report.mistakes.is_empty(), "{:?}\n{text}", report.mistakes);
        let problems: Vec<String> =
            report.tests.iter().flat_map(|test| &test.problems).map(ToString::to_string).collect();
        assert!(problems.is_empty() && report.tests.len() == numbers.len(), "{problems:?}\n{text}");
    }
}

#[test]
fn sums_products_shifts_and_signs_are_inverted() {
    is_inverted("old.plain + 7", &[(0, 7), (-7, 0), (1000, 1007)]);
    is_inverted("7 - old.plain", &[(0, 7), (7, 0), (10, -3)]);
    is_inverted("-(old.plain - 3) + 1", &[(0, 4), (4, 0), (-9, 13)]);
    is_inverted("old.plain * 12 - 5", &[(0, -5), (1, 7), (-2, -29)]);
    is_inverted("(old.plain << 4) + 1", &[(0, 1), (3, 49), (-1, -15)]);
    is_inverted("old.plain ^ 0xff", &[(0, 255), (255, 0), (256, 511)]);
}

#[test]
fn what_rules_define_is_looked_into() {
    let value = "scaled(old.plain + 1)\n} define scaled(n) = n * 10 + shift() define shift() = 4 type array { few = old.few";
    let (reversed, _) = reversed(&format!("type number {{ computed = {value} }}"));
    says(&reversed, &["plain = (old.computed - 4) % 10 == 0 ? (old.computed - 4) / 10 - 1 : fail("]);
}

#[test]
fn a_product_that_the_new_release_has_made_something_else_of_is_refused() {
    let rules = "type number { computed = old.plain * 4  drop gone }\ndown { type number { gone = 0 } }";
    let (reversed, _) = reversed(rules);
    let test = "test \"odd\" { given number { computed = 5 } expect fail \"cannot have become\" }";
    let text = format!("{}\n{test}", reversed.text);
    let loaded = load::rules(Path::new("back.mcrx"), &Only(&text));
    let (old, new) = &*RELEASES;
    let report = test::run(&loaded.rules, new, old);
    assert!(report.tests.iter().all(|test| test.problems.is_empty()), "{:?}\n{text}", report.tests);
}

#[test]
fn what_has_several_old_values_is_a_hole_with_its_place() {
    for value in [
        "old.plain / 2",
        "old.plain & 7",
        "old.plain + old.kept",
        "max(old.plain, 3)",
        "old.plain == 1 ? 1 : 2",
    ] {
        let (reversed, told) = reversed(&format!("type number {{ computed = {value}\n drop gone }}"));
        let expected = format!("MCX205 computed = {value}");
        assert!(told.contains(&expected), "{value}: {told:?}");
        says(&reversed, &["plain = todo \""]);
    }
}

#[test]
fn moved_and_renamed_members_move_back_and_new_ones_are_dropped() {
    let (reversed, told) = reversed(
        "type number { plain -> computed  moved -> inner.moved  inner.spare = 1  fresh = 2  wide = clamp(old.wide)  drop gone }",
    );
    says(
        &reversed,
        &[
            "computed -> plain",
            "inner.moved -> moved",
            "drop inner.spare",
            "drop fresh",
            "narrow = old.narrow",
        ],
    );
    assert_eq!(told, ["MCX207 wide = clamp(old.wide)", "MCX206 gone"]);
    says(&reversed, &["wide = old.wide", "gone = todo \"`gone` of `number` is new again"]);
}

#[test]
fn arrays_get_short_again_if_nothing_is_in_what_they_lose() {
    let (reversed, _) = reversed("type array { name = text(old.name) }");
    says(
        &reversed,
        &[
            "few = old.few[3] == 0 && old.few[4] == 0 ? old.few[0 .. 3] : fail(",
            "p = old.p[2] == null && old.p[3] == null ? old.p[0 .. 2] : fail(",
            "text = text(old.text)",
            "name = text(old.name)",
            "color = match old.color { GREEN => GREEN RED => RED BLUE => BLUE _ => fail(",
        ],
    );
}

#[test]
fn two_types_become_one_again_and_one_becomes_two() {
    let rules = "type pair + other -> pair { right = old.other.right  drop other }
        type whole -> half + part { half.part = &part  part.name = old.name * 2  part.text = old.text  half.id = old.id }";
    let (reversed, told) = reversed(rules);
    says(
        &reversed,
        &[
            "type pair -> pair + other {",
            "pair.other = &other",
            "other.right = old.right",
            "type half + part -> whole {",
            "name = old.part.name % 2 == 0 ? old.part.name / 2 : fail(",
            "text = old.part.text",
        ],
    );
    assert!(told.is_empty(), "{told:?}\n{}", reversed.text);
}

#[test]
fn members_of_one_of_two_that_one_becomes_begin_with_its_name() {
    let (reversed, told) = reversed("type pair + other -> pair { right = old.other.right  drop other }");
    let says_of_pair = ["pair.color = match old.color {", "pair.size = old.size", "other.right = old.right"];
    says(&reversed, &says_of_pair);
    assert!(told.is_empty(), "{told:?}\n{}", reversed.text);
}

#[test]
fn variables_functions_and_texts_get_their_names_back() {
    let (reversed, told) = reversed(
        "global counter -> stats.counter  global halves drop  global twice -> twofold
        global quarters = from.gone_for_good * 4
        function first -> one  function second -> one  string \"a\" -> \"b\"",
    );
    says(
        &reversed,
        &[
            "global counter = from.stats.counter",
            "global halves = todo \"",
            "global twofold -> twice",
            "global gone_for_good = from.quarters % 4 == 0 ? from.quarters / 4 : fail(",
            "global only_new drop",
            "function one -> first",
            "string \"b\" -> \"a\"",
        ],
    );
    assert_eq!(told, ["MCX206 global halves drop", "MCX205 function second -> one"]);
}

#[test]
fn down_counts_instead_of_what_is_derived() {
    let rules = "type number { computed = old.plain / 2  fresh = old.kept  drop gone }
        global halves drop
        function first -> one
        down {
            type number { plain = old.computed * 2  gone = 5  narrow = 3 }
            global halves = from.only_new
            function one -> second
        }";
    let (reversed, told) = reversed(rules);
    says(
        &reversed,
        &[
            "plain = old.computed * 2",
            "gone = 5",
            "narrow = 3",
            "global halves = from.only_new",
            "function one -> second",
        ],
    );
    assert!(
        !reversed.text.contains("-> first") && !reversed.text.contains("old.narrow"),
        "{}",
        reversed.text
    );
    assert_eq!((reversed.holes, told.len()), (1, 1), "{told:?}\n{}", reversed.text);
}

#[test]
fn statements_that_hold_in_both_directions_stay() {
    let (reversed, told) = reversed(
        "// what it is
        field array.p : bytes
        drain node within 3s
        quiesce at main within 2s
        assert every array a : a.few[0] != 7
        assert every number n : n.computed == 0
        type number { computed = old.plain }
        function first -> one
        for each node n { n.more = 4 }
        call one() after transfer",
    );
    says(
        &reversed,
        &[
            "// what it is field array.p : bytes",
            "drain node within 3s",
            "quiesce at main within 2s",
            "assert every array a : a.few[0] != 7",
            "todo \"what one() does after the update",
        ],
    );
    assert!(!reversed.text.contains("n.computed") && !reversed.text.contains("n.more"), "{}", reversed.text);
    assert!(told.contains(&"MCX205 call one() after transfer".to_owned()), "{told:?}");
}
