//! Makes programs for tests: sources, compilers, and the tools of the linker's trade.

use mcrx_harness::{Context, Explain, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Types that both source files have, so that something can be shared.
const SHARED: &str = r#"
#include <stddef.h>
enum color { RED, GREEN = 5, BLUE };
typedef unsigned int count_t;
struct point { int x, y; };
struct list { struct list *next, *prev; struct point at; enum color color; count_t count; };
union value { long number; double real; struct list *list; char text[24]; };
struct table { struct list *buckets[16]; union value values[4]; int (*compare)(const struct list *, const struct list *);
    unsigned used : 3, dirty : 1; struct { int inner; } nested; };
struct session { struct table *table; struct session *parent; char name[32]; struct point path[8]; };
#ifdef __cplusplus
extern "C" {
#endif
struct table *table_new(struct session *owner);
int table_count(const struct table *table);
#ifdef __cplusplus
}
#endif
extern struct session *sessions;
extern __thread int depth;
"#;

const ONE: &str = r#"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
struct session *sessions;
__thread int depth = 3;
static struct table *only_here;
static int compare(const struct list *a, const struct list *b) { return a->at.x - b->at.x; }
int main(int argc, char **argv) {
    struct session mine = { .name = "mine" };
    sessions = &mine;
    only_here = table_new(&mine);
    if (!only_here) return 1;
    only_here->compare = compare;
    printf("%s %d %d\n", argv[0], table_count(only_here), argc + depth);
    free(only_here);
    return 0;
}
"#;

const TWO: &str = r#"
#include "shared.h"
#include <stdlib.h>
#include <string.h>
static int only_here = 7;
int created;
struct table *table_new(struct session *owner) {
    struct table *table = (struct table *)calloc(1, sizeof *table);
    if (table) { owner->table = table; created += 1; table->nested.inner = only_here; }
    return table;
}
int table_count(const struct table *table) {
    int count = 0;
    for (size_t i = 0; i < sizeof table->buckets / sizeof *table->buckets; i++)
        for (struct list *list = table->buckets[i]; list; list = list->next) count += list->count;
    return count + (int)strlen(sessions->name) + depth;
}
"#;

/// A folder in which programs are made.
pub(crate) struct Workshop<'t> {
    test: &'t Context,
    folder: PathBuf,
}

impl<'t> Workshop<'t> {
    pub(crate) fn new(test: &'t Context) -> Result<Workshop<'t>> {
        let folder = test.scratch().fresh("programs");
        fs::create_dir_all(&folder)?;
        for (name, text) in [("shared.h", SHARED), ("one.c", ONE), ("two.c", TWO)] {
            fs::write(folder.join(name), text)?;
        }
        Ok(Workshop { test, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compiles the two source files one by one, and links them.
    pub(crate) fn build(&self, compiler: &str, name: &str, flags: &[&str]) -> Result<PathBuf> {
        let mut objects = Vec::new();
        for source in ["one", "two"] {
            let (source, object) = (format!("{source}.c"), format!("{name}-{source}.o"));
            self.run(compiler, &[flags, &["-c", &source, "-o", &object]].concat())?;
            objects.push(object);
        }
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        self.run(compiler, &[&["-Wl,--build-id"], flags, &objects, &["-o", name]].concat())?;
        Ok(self.folder.join(name))
    }

    /// Writes a source file of the test's own, and compiles it to a program.
    pub(crate) fn compile(
        &self,
        compiler: &str,
        name: &str,
        source: &str,
        flags: &[&str],
    ) -> Result<PathBuf> {
        let file = format!("{name}.c");
        fs::write(self.folder.join(&file), source)?;
        self.run(compiler, &[&[file.as_str(), "-o", name], flags].concat())?;
        Ok(self.folder.join(name))
    }

    /// Runs a program of those that the test needs, in the folder; what it prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let program = self.test.program(program)?;
        let out =
            Command::new(program).args(arguments).current_dir(&self.folder).env("LC_ALL", "C").output()?;
        let error = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "{} {}: {error}", program.display(), arguments.join(" "));
        String::from_utf8(out.stdout).context("its output is no text")
    }
}
