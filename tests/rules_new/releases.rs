//! Each pair of releases, with the number of its questions. A number that grows wants a look at the new ones: is each of them real?

use crate::answers;
use crate::file::{NewRules, bare, json};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use mcrx_debuginfo::table::{Kind, Table, Type};
use mcrx_dsl::generate::Pointed;
use mcrx_dsl::pairing::Live;
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) fn nginx_1_22_to_1_26(test: &Context) -> Result<()> {
    let rules = of(test, "nginx", ["1.22.1", "1.26.3"], 45)?;
    // The list that headers are in has become one of linked elements.
    rules.says("type ngx_table_elt_t {")?;
    rules.says("list(old.x_forwarded_for.elts[0 .. old.x_forwarded_for.nelts], via next)")?;
    rules.says("container ngx_array_t { elements = elts[nelts] stride = size }")
}

pub(crate) fn nginx_1_26_to_1_28(test: &Context) -> Result<()> {
    let rules = of(test, "nginx", ["1.26.3", "1.28.3"], 26)?;
    rules.says("limit_rate = todo")
}

pub(crate) fn nginx_that_only_got_a_fix(test: &Context) -> Result<()> {
    let rules = of(test, "nginx", ["1.28.2", "1.28.3"], 0)?;
    ensure!(rules.text.lines().count() < 20, "{}", rules.text);
    Ok(())
}

pub(crate) fn memcached_1_6_18_to_1_6_38(test: &Context) -> Result<()> {
    let rules = of(test, "memcached", ["1.6.18", "1.6.38"], 31)?;
    rules.says("// notify_event -> n.notify_event    the same name and type")?;
    // Locks are the new release's.
    ensure!(!rules.text.contains("ion_lock"), "{}", rules.text);
    Ok(())
}

pub(crate) fn redis_7_to_8(test: &Context) -> Result<()> {
    let rules = of(test, "redis", ["7.0.15", "8.0.2"], 110)?;
    rules.says("`dict *expires` is now `kvstore *expires`")?;
    rules.says("// bpop -> bstate")?;
    // Seconds became milliseconds, both of them `long`.
    rules.says("redisServer.aof_last_fsync: time_t -> mstime_t")
}

pub(crate) fn openssh_9_2_to_10(test: &Context) -> Result<()> {
    let old = test.release("openssh", "9.2p1")?.path.clone();
    let new = test.release("openssh", "10.0p1")?.prefix().join("libexec/sshd-session");
    let rules = between(test, &old, &new, 25)?;
    rules.says("from \"9.2p1\"")?;
    rules.says("to \"10.0p1\"")
}

fn of(test: &Context, name: &str, [old, new]: [&str; 2], holes: usize) -> Result<NewRules> {
    let (old, new) = (test.release(name, old)?.path.clone(), test.release(name, new)?.path.clone());
    between(test, &old, &new, holes)
}

fn between(test: &Context, old: &Path, new: &Path, holes: usize) -> Result<NewRules> {
    let rules = NewRules::write(test, old, new)?;
    ensure!(rules.holes() == holes, "{} holes, not {holes}:\n{}", rules.holes(), rules.text);
    only_holes_are_wrong(&rules)?;
    it_is_in_the_one_style(&rules)?;
    nothing_is_missing(test, &rules)?;
    answers::guesses_can_be_taken(test, &rules)?;
    Ok(rules)
}

fn only_holes_are_wrong(rules: &NewRules) -> Result<()> {
    let output = rules.run(&["rules", "check", "--json", &rules.file(), &rules.old, &rules.new])?;
    let facts = json(&output)?;
    let found = facts["diagnostics"].as_array().context("diagnostics")?;
    let others: Vec<&Value> = found.iter().filter(|one| one["code"] != "MCX501").collect();
    ensure!(others.is_empty(), "{others:#?}");
    ensure!(found.len() == rules.holes(), "{} findings, {} holes", found.len(), rules.holes());
    Ok(())
}

fn it_is_in_the_one_style(rules: &NewRules) -> Result<()> {
    let output = rules.run(&["rules", "fmt", "--check", &rules.file()])?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// Whatever `mcrx types OLD NEW` says is named in the file, or needs no rule by its nature: tables that the program file initialises, and
/// functions that no pointer leads to.
fn nothing_is_missing(test: &Context, rules: &NewRules) -> Result<()> {
    let output = rules.run(&["types", "--json", &rules.old, &rules.new])?;
    let facts = json(&output)?;
    let names = |list: &Value| -> Result<Vec<String>> {
        let list = list.as_array().context("a list")?.iter();
        Ok(list
            .filter_map(|entry| entry.as_str().or(entry["name"].as_str()).map(ToOwned::to_owned))
            .collect())
    };
    let old = Old::open(test, Path::new(&rules.old))?;
    let live = Live::of(
        &old.binary,
        &old.table,
        &Cache::default().sites(&old.binary, &old.table, &Options::default()),
    );
    let pointed = Pointed::of(&old.binary, &old.table);
    let mut missing = Vec::new();
    // A type goes by its name in either release; one that had no tag, by its typedef.
    let new = mcrx_debuginfo::load::load(&Binary::open(Path::new(&rules.new))?)?;
    let is_there = |change: &Value| {
        let tags = change["tags"].as_array().into_iter().flatten();
        let names: Vec<&str> = tags.chain([&change["name"]]).filter_map(Value::as_str).collect();
        let is_of_it = |ty: &Type<'_>| {
            let target = ty.resolved().and_then(|target| target.name());
            matches!(ty.kind(), Kind::Typedef(_)) && target.is_some_and(|name| names.contains(&name))
        };
        names.iter().any(|name| rules.names(name))
            || new.types().filter(is_of_it).filter_map(|ty| ty.name()).any(|name| rules.names(name))
    };
    for change in facts["changed"].as_array().context("changed")? {
        if !is_there(change) {
            missing.push(format!("changed type {}", change["name"]));
        }
    }
    missing.extend(
        names(&facts["removed"])?
            .into_iter()
            .filter(|name| !rules.names(name))
            .map(|name| format!("type {name}")),
    );
    let globals = &facts["globals"];
    for list in [&globals["removed"], &globals["retyped"], &globals["via"]] {
        let is_own = |name: &String| {
            let mut named = old.table.variables_named(name);
            // Static ones of that name in several files: one of them is what is meant.
            rules.names(name)
                || named.any(|variable| {
                    live.is_table(&variable)
                        || !mcrx_dsl::pairing::is_state(&variable)
                        || mcrx_dsl::pairing::is_lock(variable.ty())
                })
        };
        missing.extend(
            names(list)?.into_iter().filter(|name| !is_own(name)).map(|name| format!("variable {name}")),
        );
    }
    let functions = &facts["functions"];
    for list in [&functions["removed"], &functions["retyped"]] {
        let is_own = |name: &String| {
            let mut named = old.table.functions_named(name).filter(|function| function.code().is_some());
            rules.names(name) || !named.any(|function| pointed.has(function.id()))
        };
        missing.extend(
            names(list)?.into_iter().filter(|name| !is_own(name)).map(|name| format!("function {name}")),
        );
    }
    ensure!(missing.is_empty(), "{missing:#?}\n{}", bare(&rules.text));
    Ok(())
}

struct Old {
    binary: Binary,
    table: Table,
}

impl Old {
    fn open(_: &Context, path: &Path) -> Result<Old> {
        let path: PathBuf = path.to_owned();
        let binary = Binary::open(&path)?;
        let table = mcrx_debuginfo::load::load(&binary)?;
        Ok(Old { binary, table })
    }
}
