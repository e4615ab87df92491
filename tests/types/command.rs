//! The command as its users run it, on small programs.

use crate::programs::{compile, types};
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::process::{Command, Output};

const SOURCE: &str = "
    struct list { struct list *next; };
    typedef struct { char kind; long when; union { int n; char c[8]; }; unsigned low : 3, high : 5; } event_t;
    enum level { LOW, HIGH = 9 };
    struct node { char flag; struct list links; struct { short a; int b; } inner[2]; int (*call)(struct node *);
                  event_t event; enum level level; char rest[]; };
    struct node *nodes; event_t *events; enum level top;
    int main(void) { return nodes != 0; }";

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(test: &Context, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let output = types(test, &[&["--json"], arguments].concat())?;
    let facts: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    ensure!(facts["schema"] == "mcrx.types/1", "{facts:#}");
    Ok((output.status.code(), facts))
}

fn sample(test: &Context) -> Result<String> {
    let path = compile(test, "sample", &[("sample.c", SOURCE)], &[])?;
    Ok(path.to_str().context("text")?.to_owned())
}

pub(crate) fn a_layout_shows_offsets_holes_and_sums(test: &Context) -> Result<()> {
    let (code, shown, said) = text(&types(test, &[&sample(test)?, "node"])?);
    ensure!(code == Some(0) && said.is_empty(), "{said}");
    let want = "
struct node {
    char                       flag;                  /*     0     1 */

    /* XXX 7 bytes hole, try to pack */

    struct list                links;                 /*     8     8 */
    struct {
        short int                  a;                 /*    16     2 */

        /* XXX 2 bytes hole, try to pack */

        int                        b;                 /*    20     4 */
    } inner[2];                                       /*    16    16 */
    int                        (*call)(struct node *); /*    32     8 */
    event_t                    event;                 /*    40    32 */
    /* --- cacheline 1 boundary (64 bytes) was 8 bytes ago --- */
    enum level                 level;                 /*    72     4 */
    char                       rest[];                /*    76     0 */

    /* size: 80, cachelines: 2, members: 7 */
    /* sum members: 69, holes: 1, sum holes: 7 */
    /* padding: 4 */
    /* last cacheline: 16 bytes */
};
";
    ensure!(shown == want, "{shown}");
    Ok(())
}

pub(crate) fn every_type_of_a_name_is_shown_with_its_files(test: &Context) -> Result<()> {
    let sources = [
        ("a.c", "struct dict { int size; } one; int main(void) { return one.size; }"),
        ("b.c", "struct dict { char *name; } other; char *f(void) { return other.name; }"),
        ("c.c", "struct dict { int size; } third; int g(void) { return third.size; }"),
    ];
    let path = compile(test, "several", &sources, &[])?;
    let (code, shown, _) = text(&types(test, &[path.to_str().context("text")?, "dict"])?);
    ensure!(code == Some(0), "{shown}");
    ensure!(shown.matches("struct dict {").count() == 2, "{shown}");
    ensure!(shown.contains("/* in a.c, c.c */") && shown.contains("/* in b.c */"), "{shown}");
    let (_, facts) = json(test, &[path.to_str().context("text")?, "struct dict"])?;
    let units: Vec<&Value> =
        facts["types"].as_array().context("types")?.iter().map(|ty| &ty["units"]).collect();
    ensure!(units == [&serde_json::json!(["a.c", "c.c"]), &serde_json::json!(["b.c"])], "{facts:#}");
    let (_, listing, _) = text(&types(test, &[path.to_str().context("text")?])?);
    ensure!(
        listing.contains("struct dict  in a.c, c.c") && listing.contains("struct dict  in b.c"),
        "{listing}"
    );
    Ok(())
}

pub(crate) fn a_type_is_found_by_tag_typedef_or_both(test: &Context) -> Result<()> {
    let source = "typedef struct one { int a; } one; typedef one two; typedef int (*call)(one *); enum e { A = -1, B = 5 };
        two x; call f; enum e e; typedef struct { int b; } only; typedef only again; again y; int main(void) { return x.a; }";
    let path = compile(test, "names", &[("names.c", source)], &[])?;
    let path = path.to_str().context("text")?;
    for (name, want) in [
        ("two", &["typedef one two;", "typedef struct one one;", "struct one {"][..]),
        ("struct one", &["struct one {"]),
        ("typedef one", &["typedef struct one one;", "struct one {"]),
        ("call", &["typedef int (*call)(one *);"]),
        ("enum e", &["enum e {", "A = -1,", "B = 5,"]),
        ("e", &["enum e {"]),
        ("only", &["typedef struct {", "} only;"]),
        ("again", &["typedef only again;", "} only;"]),
        ("int", &["int;    /* size: 4 */"]),
    ] {
        let (code, shown, said) = text(&types(test, &[path, name])?);
        ensure!(code == Some(0), "{name}: {said}");
        let places: Vec<Option<usize>> = want.iter().map(|part| shown.find(part)).collect();
        ensure!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: {shown}");
    }
    let (_, shown, _) = text(&types(test, &[path, "struct one"])?);
    ensure!(!shown.contains("typedef"), "{shown}");
    Ok(())
}

pub(crate) fn an_unknown_type_is_wrong_usage_and_near_ones_are_named(test: &Context) -> Result<()> {
    let path = sample(test)?;
    for (name, want) in [
        ("nod", "has no type nod; did you mean node?"),
        ("event", "has no type event; did you mean event_t?"),
        ("struct event_t", "has no struct event_t; did you mean event_t?"),
        ("no_such_thing_at_all", "has no type no_such_thing_at_all; mcrx types BIN lists what it has"),
    ] {
        let (code, shown, said) = text(&types(test, &[&path, name])?);
        ensure!(code == Some(2) && shown.is_empty() && said.contains(want), "{name}: {code:?} {said}");
    }
    let (code, _, said) = text(&types(test, &[&path, "/no/such/program"])?);
    ensure!(code == Some(2) && said == "error: there is no file /no/such/program\n", "{said}");
    Ok(())
}

pub(crate) fn a_listing_has_every_named_structure_and_union(test: &Context) -> Result<()> {
    let path = sample(test)?;
    let (code, shown, _) = text(&types(test, &[&path])?);
    ensure!(code == Some(0), "{shown}");
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    for want in [
        &["32", "5", "7", "4", "event_t"][..],
        &["8", "1", "0", "0", "struct", "list"],
        &["80", "7", "7", "4", "struct", "node"],
    ] {
        ensure!(rows.iter().any(|row| row == want), "{want:?}: {shown}");
    }
    ensure!(shown.contains(": 3 structures and unions") && shown.contains("Next: mcrx types "), "{shown}");
    Ok(())
}

pub(crate) fn json_says_what_the_text_says(test: &Context) -> Result<()> {
    let path = sample(test)?;
    let (code, facts) = json(test, &[&path, "node"])?;
    ensure!(code == Some(0) && facts["build_id"].as_str().is_some_and(|id| id.len() == 40), "{facts:#}");
    let node = &facts["types"][0];
    ensure!(node["name"] == "node" && node["kind"] == "struct" && node["size"] == 80, "{node:#}");
    ensure!(node["holes"] == 1 && node["sum_holes"] == 7 && node["padding"] == 4, "{node:#}");
    ensure!(node["declared"]["line"] == 5, "{node:#}");
    let members = node["members"].as_array().context("members")?;
    let flag = &members[0];
    ensure!(flag["name"] == "flag" && flag["hole"]["bytes"] == 7 && flag["type"] == "char", "{flag:#}");
    let inner = &members[2];
    ensure!(inner["inner"]["members"][1]["offset"] == 20 && inner["size"] == 16, "{inner:#}");
    ensure!(members[3]["declaration"] == "int (*call)(struct node *)", "{:#}", members[3]);
    let (_, facts) = json(test, &[&path, "event_t"])?;
    let event = &facts["types"][0];
    let high = &event["members"][4];
    ensure!(
        event["anonymous"] == true && high["bit_field"]["unit_bit"] == 3 && high["bit_field"]["bits"] == 5,
        "{event:#}"
    );
    let (_, facts) = json(test, &[&path])?;
    let names: Vec<&Value> =
        facts["types"].as_array().context("types")?.iter().map(|ty| &ty["name"]).collect();
    ensure!(names == ["event_t", "list", "node"], "{names:?}");
    Ok(())
}

pub(crate) fn a_second_argument_is_a_program_if_there_is_such_a_file(test: &Context) -> Result<()> {
    let path = sample(test)?;
    // In a directory with a file that has a type's name.
    let folder = test.scratch().directory();
    std::fs::copy(&path, folder.join("node"))?;
    let run = |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        let command = command.arg("types").args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder);
        Ok(text(&command.output()?).1)
    };
    ensure!(run(&[&path, "node"])?.contains("types: 0 changed"), "a comparison");
    ensure!(run(&[&path, "node", "--type"])?.contains("struct node {"), "a type");
    ensure!(run(&[&path, "list"])?.contains("struct list {"), "a type");
    Ok(())
}

pub(crate) fn changes_are_told_incompatible_ones_first(test: &Context) -> Result<()> {
    let old = "struct a_more { char c; long l; }; struct inner { int x; }; struct z_wrong { int gone; long l; struct inner in; };
        enum e { A, B }; struct a_more a; struct z_wrong z; enum e e; static int kept; int lost; _Thread_local int each;
        int f(int n) { return n; } int main(void) { return kept + lost; }";
    let new = "struct a_more { char c, d; long l; }; struct inner { int x, y; }; struct z_wrong { long l; struct inner in; };
        enum e { B, A }; struct a_more a; struct z_wrong z; enum e e; static int kept; int found; long each;
        int f(long n) { return n; } int main(void) { return kept + found; }";
    let old = compile(test, "old", &[("a.c", old)], &[])?;
    let new = compile(test, "new", &[("a.c", new)], &[])?;
    let (old, new) = (old.to_str().context("text")?, new.to_str().context("text")?);
    let (code, shown, said) = text(&types(test, &[old, new])?);
    ensure!(code == Some(1) && said.contains("is not right for"), "{said}");
    let order = [
        "Incompatible",
        "enum e",
        "~ A = 0 -> 1",
        "struct inner    4 -> 8 bytes",
        "+ int y    at 4",
        "struct z_wrong    24 -> 16 bytes",
        "- int gone    was at 0",
        "> l .. in (2 members)    moved by -8 bytes",
        "via in (inner)",
        "~ int each -> long int each",
        "was one per thread, is one for all threads",
        "1 variable removed",
        "int lost",
        "1 function with another signature",
        "int f(int) -> int f(long int)",
        "Additions",
        "struct a_more",
        "+ char d    at 1",
        "int found",
    ];
    let mut from = 0;
    for part in order {
        let found = shown[from..].find(part).with_context(|| format!("no {part} behind {from}: {shown}"))?;
        from += found;
    }
    let (code, facts) = json(test, &[old, new])?;
    ensure!(code == Some(1) && facts["incompatible"] == true, "{facts:#}");
    let names: Vec<&Value> =
        facts["changed"].as_array().context("changed")?.iter().map(|ty| &ty["name"]).collect();
    ensure!(names == ["e", "inner", "z_wrong", "a_more"], "{names:?}");
    let wrong = &facts["changed"][2];
    ensure!(
        wrong["fields_removed"] == serde_json::json!(["gone"])
            && wrong["fields_added"] == serde_json::json!([])
            && wrong["fields_retyped"] == serde_json::json!([])
            && wrong["size_before"] == 24
            && wrong["size_after"] == 16
            && wrong["via"][0]["type"] == "inner",
        "{wrong:#}"
    );
    let globals = &facts["globals"];
    ensure!(
        globals["added"] == serde_json::json!(["found"])
            && globals["removed"] == serde_json::json!(["lost"])
            && globals["retyped"] == serde_json::json!(["each"])
            && globals["via"] == serde_json::json!(["e", "z", "a"]),
        "{globals:#}"
    );
    ensure!(facts["functions"]["retyped"] == serde_json::json!(["f"]), "{facts:#}");
    Ok(())
}

pub(crate) fn a_program_compared_with_itself_has_not_changed(test: &Context) -> Result<()> {
    let path = sample(test)?;
    let (code, facts) = json(test, &[&path, &path])?;
    ensure!(code == Some(0) && facts["incompatible"] == false, "{facts:#}");
    for list in ["changed", "added", "removed"] {
        ensure!(facts[list] == serde_json::json!([]), "{facts:#}");
    }
    Ok(())
}

pub(crate) fn what_has_no_debug_info_is_said_with_what_to_do(test: &Context) -> Result<()> {
    let path = compile(test, "stripped", &[("a.c", "int main(void) { return 0; }")], &["-s"])?;
    let path = path.to_str().context("text")?;
    for arguments in [&[path][..], &[path, "node"], &[path, path]] {
        let (code, shown, said) = text(&types(test, arguments)?);
        ensure!(code == Some(3) && shown.is_empty(), "{said}");
        ensure!(
            said.starts_with("error: ") && said.contains("has no debug info") && said.lines().count() == 1,
            "{said}"
        );
    }
    let (code, _, said) = text(&types(test, &["/no/such/program"])?);
    ensure!(code == Some(3) && said.contains("/no/such/program cannot be read"), "{said}");
    Ok(())
}
