//! The same program, its debug info in all the forms that compilers and tools write: it must say the same.

use crate::workshop::{Workshop, layouts, table};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::table::{Storage, Table};
use mcrx_harness::{Context, Explain, Result, ensure};
use std::collections::BTreeMap;
use std::fs;

const SHARED: &str = r#"
#include <stddef.h>
enum color { RED, GREEN = 5, BLUE }; typedef unsigned int count_t; struct point { int x, y; };
struct list { struct list *next, *prev; struct point at; enum color color; count_t count; };
union value { long number; double real; struct list *list; char text[24]; };
struct hidden;
struct table { struct list *buckets[16]; union value values[4][2]; int (*compare)(const struct list *, const struct list *);
    unsigned used : 3, dirty : 1; struct { int inner; union { char c; float f; }; } nested; struct hidden *hidden; };
struct session { struct table *table; struct session *parent; char name[32]; struct point path[8]; };
struct table *table_new(struct session *owner); extern struct session *sessions; extern __thread int depth;
"#;
const ONE: &str = r#"
struct session *sessions; __thread int depth = 3; static struct table *only_here;
static int compare(const struct list *a, const struct list *b) { return a->at.x - b->at.x; }
int main(int argc, char **argv) {
    struct session mine = { .name = "mine" }; sessions = &mine; only_here = table_new(&mine);
    if (only_here) only_here->compare = compare;
    return argc > 3; }
"#;
const TWO: &str = r#"
#include <stdlib.h>
struct hidden { long inside; struct { int a : 5, : 3, b : 9; } bits; };
static int only_here = 7; int created;
struct table *table_new(struct session *owner) {
    struct table *table = calloc(1, sizeof *table);
    if (table) { owner->table = table; created += 1; table->nested.inner = only_here; table->hidden = calloc(1, sizeof(struct hidden)); }
    return table; }
"#;

/// What a table says, without what may differ between forms.
type Said = (BTreeMap<String, Vec<String>>, Vec<(String, Storage)>, Vec<String>);

fn said(table: &Table) -> Said {
    let variables = table.variables().map(|variable| (variable.name().to_owned(), variable.storage()));
    let with_code = table.functions().filter(|function| function.code().is_some());
    let mut variables: Vec<_> = variables.filter(|(_, storage)| *storage != Storage::Elsewhere).collect();
    let mut functions: Vec<_> = with_code.map(|function| function.name().to_owned()).collect();
    variables.sort();
    functions.sort();
    // System headers have more in some versions; what is ours is what is compared.
    let ours = ["color", "point", "list", "value", "table", "session", "hidden"];
    let layouts = layouts(table).into_iter().filter(|(name, _)| ours.contains(&name.as_str())).collect();
    (layouts, variables, functions)
}

struct Forms<'t> {
    workshop: Workshop<'t>,
    compiler: &'t str,
}

impl<'t> Forms<'t> {
    fn new(test: &'t Context, compiler: &'t str) -> Result<Forms<'t>> {
        Ok(Forms { workshop: Workshop::new(test)?, compiler })
    }

    fn build(&self, flags: &[&str]) -> Result<std::path::PathBuf> {
        let (one, two) = (format!("{SHARED}{ONE}"), format!("{SHARED}{TWO}"));
        self.workshop.build(self.compiler, "program", &[("one", &one), ("two", &two)], flags)
    }

    /// That each of these ways to build says what the first one says.
    fn agree(&self, ways: &[&[&str]]) -> Result<()> {
        let mut first = None;
        for flags in ways {
            let said = said(&table(&self.build(flags)?).with_context(|| format!("{flags:?}"))?);
            ensure!(
                said.0.len() == 7 && said.0.values().all(|lines| lines.len() == 1),
                "{flags:?}: {:?}",
                said.0
            );
            let first = first.get_or_insert_with(|| said.clone());
            ensure!(*first == said, "{flags:?} says\n{said:#?}\nand not\n{first:#?}");
        }
        Ok(())
    }
}

fn versions(test: &Context, compiler: &str) -> Result<()> {
    let forms = Forms::new(test, compiler)?;
    for level in ["-O0", "-O2"] {
        let versions = ["-gdwarf-5", "-gdwarf-4", "-gdwarf-3", "-gdwarf-2"];
        let ways = versions.map(|version| [version, level]);
        forms.agree(&ways.each_ref().map(|way| &way[..]))?;
    }
    Ok(())
}

pub(crate) fn every_version_of_dwarf_says_the_same(test: &Context) -> Result<()> {
    versions(test, "gcc")
}

pub(crate) fn every_version_of_dwarf_by_clang_says_the_same(test: &Context) -> Result<()> {
    versions(test, "clang")
}

pub(crate) fn types_in_units_of_their_own_say_the_same(test: &Context) -> Result<()> {
    let own = "-fdebug-types-section";
    Forms::new(test, "gcc")?.agree(&[
        &["-gdwarf-5", "-O1"],
        &["-gdwarf-5", "-O1", own],
        &["-gdwarf-4", "-O1", own],
        &["-g", "-O1", "-gz=zlib", own],
    ])
}

fn split(test: &Context, compiler: &str) -> Result<()> {
    let split = "-gsplit-dwarf";
    let ways: [&[&str]; 3] = [&["-g", "-O2"], &["-gdwarf-5", "-O2", split], &["-gdwarf-4", "-O2", split]];
    Forms::new(test, compiler)?.agree(&ways)
}

pub(crate) fn split_debug_info_says_the_same(test: &Context) -> Result<()> {
    split(test, "gcc")
}

pub(crate) fn split_debug_info_of_clang_says_the_same(test: &Context) -> Result<()> {
    split(test, "clang")
}

pub(crate) fn what_dwz_has_moved_says_the_same(test: &Context) -> Result<()> {
    let forms = Forms::new(test, "gcc")?;
    let (first, folder) = (forms.build(&["-g", "-O2"])?, forms.workshop.folder());
    let plain = said(&table(&first)?);
    for name in ["copy", "again"] {
        fs::copy(&first, folder.join(name))?;
    }
    forms.workshop.run("dwz", &["-m", "shared.debug", "copy", "again"])?;
    ensure!(folder.join("shared.debug").exists(), "dwz has moved nothing");
    let moved = said(&table(&folder.join("copy"))?);
    ensure!(moved == plain, "moved:\n{moved:#?}\nplain:\n{plain:#?}");
    Ok(())
}

/// One thread, two, and more than there are cores: the same bytes.
pub(crate) fn threads_do_not_change_the_table(test: &Context) -> Result<()> {
    let path = &test.first_server()?.path;
    let binary = Binary::open(path)?;
    let mut first = None;
    for threads in [1, 2, 7, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let bytes = pool.install(|| load(&binary))?.as_bytes().to_vec();
        let first = first.get_or_insert_with(|| bytes.clone());
        ensure!(*first == bytes, "{threads} threads make another table of {}", path.display());
    }
    Ok(())
}
