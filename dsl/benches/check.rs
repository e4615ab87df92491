//! How long a rule file of 10,000 lines takes to be checked against the debug info of two releases of nginx, after both were loaded.
//!
//! `cargo bench -p mcrx-dsl --bench check`. The statements are about what nginx has: each structure, each of its members in turn. Without the
//! built servers (`cargo xtask servers nginx`) there is nothing to measure.

use criterion::{Criterion, criterion_group, criterion_main};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::{Kind, Table, Type};
use mcrx_dsl::check::check;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::names::{self, Place};
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::Only;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

const LINES: usize = 10_000;

fn table(version: &str) -> Result<Table, Box<dyn std::error::Error>> {
    let server = mcrx_servers::find("nginx", version).map_err(|why| format!("{why:?}"))?;
    Ok(Cache::default().table(&Binary::open(&server.path)?)?)
}

/// Facts about all pointers of all structures, then changes of all their numbers, over and over.
fn file(old: &Table, new: &Table) -> String {
    let structures: Vec<Type<'_>> = old
        .types()
        .filter(|ty| ty.tag().is_aggregate() && !ty.is_declaration())
        .filter(|ty| {
            ty.name().is_some_and(|name| name.starts_with("ngx_") && old.types_named(name).count() == 1)
        })
        .collect();
    let mut text = String::from("program nginx\nfrom \"1.22.1\"\nto \"1.26.3\"\n");
    for ty in &structures {
        for member in ty.members() {
            let pointer = member.ty().and_then(Type::resolved).map(Type::kind);
            if let (Some(name), Some(Kind::Pointer(_))) = (member.name(), pointer) {
                let _ = writeln!(text, "field {}.{name} : opaque", ty.name().unwrap_or_default());
            }
        }
    }
    while text.lines().count() < LINES {
        for ty in &structures {
            let owner = ty.name().unwrap_or_default();
            let Some(after) = new.types_named(owner).find(|ty| ty.tag().is_aggregate()) else { continue };
            let numbers: Vec<&str> = ty
                .members()
                .filter(|member| {
                    matches!(member.ty().and_then(Type::resolved).map(Type::kind), Some(Kind::Base(_)))
                })
                .filter_map(|member| member.name())
                .filter(|name| names::member(Place::of(Some(after)), name).is_ok())
                .collect();
            for pair in numbers.windows(2) {
                if let [one, other] = pair {
                    let _ = writeln!(
                        text,
                        "assert every {owner} c : c.{one} != 77 || (c.{other} & 0xff) + 1 > 1"
                    );
                }
            }
        }
    }
    text.lines().take(LINES).fold(String::new(), |all, line| all + line + "\n")
}

fn ten_thousand_lines(criterion: &mut Criterion) {
    let (old, new) = match (table("1.22.1"), table("1.26.3")) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => {
            eprintln!("nothing is measured: {why}");
            return;
        }
    };
    let loaded: Loaded = load::rules(Path::new("bench.mcrx"), &Only(&file(&old, &new)));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics.first());
    let mut group = criterion.benchmark_group("10,000 lines");
    for (name, releases) in [
        ("without debug info", Releases::none()),
        ("against one release", Releases::one(&old)),
        ("against two releases", Releases::both(&old, &new)),
    ] {
        let run = || check(black_box(&loaded.rules), &loaded.files, releases);
        eprintln!("{name}: {} findings", run().len());
        group.bench_function(name, |bencher| bencher.iter(run));
    }
}

criterion_group!(benches, ten_thousand_lines);
criterion_main!(benches);
