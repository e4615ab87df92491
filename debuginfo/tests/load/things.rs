//! Variables and functions: where they are, which entry stands for each, and what is not there.

use crate::workshop::{Workshop, table};
use mcrx_debuginfo::table::{Address, Function, Storage, Table, Variable};
use mcrx_harness::{Context, Explain, Result, ensure};

fn only<'t>(table: &'t Table, name: &str) -> Result<Variable<'t>> {
    let mut found = table.variables_named(name);
    let variable = found.next().with_context(|| format!("no variable {name}"))?;
    ensure!(found.next().is_none(), "{name} is there twice");
    Ok(variable)
}

fn function<'t>(table: &'t Table, name: &str) -> Result<Function<'t>> {
    let mut found = table.functions_named(name);
    let function = found.next().with_context(|| format!("no function {name}"))?;
    ensure!(found.next().is_none(), "{name} is there twice");
    Ok(function)
}

const GLOBALS: &str = r#"
#include <stdio.h>
struct big { char bytes[40]; int n; };
int counter = 3; struct big zeroed; static long hidden = 5; const char *names[4]; const int table[] = { 1, 2, 3 };
__thread int mine = 1; static __thread struct big block;
int next(void) { static int last = 7; return ++last; }
int *last_of(void) { static int last = 9; return &last; }
extern char __executable_start;
#define SAY(v) printf("%s %lx %zu\n", #v, (long)((char *)&v - &__executable_start), sizeof v)
int main(void) {
    SAY(counter); SAY(zeroed); SAY(hidden); SAY(names); SAY(table);
    printf("tls %ld\n", (long)((char *)&block - (char *)&mine));
    return next() + mine + block.n == *last_of() + 90;
}
"#;

fn globals(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for flags in [["-gdwarf-4", "-O0"], ["-gdwarf-5", "-O2"]] {
        let path = workshop.build(compiler, "globals", &[("globals", GLOBALS)], &flags)?;
        let (table, printed) = (table(&path)?, workshop.output(&path)?);
        for line in printed.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if words[0] == "tls" {
                let (block, mine) = (only(&table, "block")?, only(&table, "mine")?);
                ensure!(block.storage() == Storage::ThreadLocal && mine.storage() == Storage::ThreadLocal);
                let apart = block.address().0.cast_signed() - mine.address().0.cast_signed();
                ensure!(apart.to_string() == words[1], "{line}: {apart}");
                continue;
            }
            let variable = only(&table, words[0])?;
            let address = u64::from_str_radix(words[1], 16)?;
            ensure!(
                variable.storage() == Storage::Static && variable.address() == Address(address),
                "{line}"
            );
            let size = variable.ty().and_then(|ty| ty.size());
            ensure!(size.map(|size| size.to_string()).as_deref() == Some(words[2]), "{line}: {size:?}");
            ensure!(
                table.variable_at(Address(address)).map(|found| found.name()) == Some(words[0]),
                "{line}"
            );
        }
        ensure!(only(&table, "hidden")?.declared().line == 4, "{:?}", only(&table, "hidden")?.declared());
        ensure!(only(&table, "hidden")?.declared().file.ends_with("/globals.c"));
    }
    Ok(())
}

pub(crate) fn globals_are_where_the_program_says(test: &Context) -> Result<()> {
    globals(test, "gcc")
}

pub(crate) fn globals_of_clang_are_where_the_program_says(test: &Context) -> Result<()> {
    globals(test, "clang")
}

pub(crate) fn statics_of_one_name_are_told_apart(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let sources = [
        ("one", "static int state = 1; int *other(void); int main(void) { return state++ == *other(); }"),
        ("other", "static int state = 2; int *other(void) { return &state; }"),
    ];
    let table = table(&workshop.build("gcc", "program", &sources, &["-g"])?)?;
    let found: Vec<Variable<'_>> = table.variables_named("state").collect();
    let unit = |variable: &Variable<'_>| variable.unit().map(|unit| unit.name().to_owned());
    let mut units: Vec<_> = found.iter().map(unit).collect();
    units.sort();
    ensure!(units == [Some("one.c".to_owned()), Some("other.c".to_owned())], "{units:?}");
    ensure!(found[0].address() != found[1].address() && !found[0].is_external());
    Ok(())
}

pub(crate) fn a_static_local_is_there_once_and_has_its_function(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let source = "
        static inline __attribute__((always_inline)) int *inlined(void) { static int mine = 1; return &mine; }
        __attribute__((noinline)) int *called(void) { static int mine = 2; return &mine; }
        int main(int n, char **w) { *inlined() += n; if (n > 5) *inlined() -= 7; *called() += *inlined(); return *called(); }";
    for level in ["-O0", "-O2"] {
        let table = table(&workshop.build("gcc", "statics", &[("statics", source)], &["-g", level])?)?;
        let of = |variable: Variable<'_>| variable.function().map(|function| function.name().to_owned());
        let mut functions: Vec<_> = table.variables_named("mine").map(of).collect();
        functions.sort();
        let expected = [Some("called".to_owned()), Some("inlined".to_owned())];
        ensure!(functions == expected, "{level}: {functions:?}");
    }
    Ok(())
}

pub(crate) fn what_is_only_declared_is_elsewhere(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let sources = [
        (
            "one",
            "extern char **environ; extern int both; int puts(const char *); int there(void);
                 int main(void) { puts(environ[0]); return both + there(); }",
        ),
        ("other", "int both = 4; int there(void) { return both; }"),
    ];
    let table = table(&workshop.build("gcc", "program", &sources, &["-g", "-O2"])?)?;
    ensure!(only(&table, "environ")?.storage() == Storage::Elsewhere);
    ensure!(only(&table, "both")?.storage() == Storage::Static);
    let (puts, there) = (function(&table, "puts")?, function(&table, "there")?);
    ensure!(puts.is_declaration() && puts.code().is_none() && puts.parameters().len() == 1);
    ensure!(!there.is_declaration() && there.code().is_some());
    Ok(())
}

pub(crate) fn what_was_optimised_out_is_nowhere(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let source = "static int gone = 6; static const int constant = 5; int kept;
                  int main(void) { kept = gone * constant; return kept; }";
    let table = table(&workshop.build("gcc", "gone", &[("gone", source)], &["-g", "-O2"])?)?;
    ensure!(only(&table, "kept")?.storage() == Storage::Static);
    for name in ["gone", "constant"] {
        for variable in table.variables_named(name) {
            ensure!(variable.storage() == Storage::Nowhere, "{name}: {:?}", variable.storage());
        }
    }
    Ok(())
}

pub(crate) fn functions_have_all_runs_of_their_code(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // What is rare is put away from the rest, into `main.cold`.
    let source = "#include <stdlib.h>
        int puts(const char *); __attribute__((cold, noinline, noreturn)) void fail(const char *why) { puts(why); abort(); }
        __attribute__((noinline)) int work(int n) { return n * 3; }
        int main(int n, char **w) { if (n > 9) fail(w[0]); return work(n); }";
    let flags = ["-g", "-O2", "-freorder-blocks-and-partition"];
    let path = workshop.build("gcc", "cold", &[("cold", source)], &flags)?;
    let table = table(&path)?;
    let (main, fail) = (function(&table, "main")?, function(&table, "fail")?);
    let runs: Vec<_> = table.ranges().filter(|(.., id)| *id == main.id()).collect();
    ensure!(runs.len() == 2, "no part of its own for what is rare: {runs:?}");
    for (low, high, _) in &runs {
        for at in [low.0, high.0 - 1] {
            ensure!(table.function_at(Address(at)).map(|found| found.id()) == Some(main.id()));
        }
    }
    // Where it is entered, the symbol is.
    let symbol = crate::workshop::open(&path)?.symbols().named("main").next().map(|symbol| symbol.address);
    ensure!(main.code().map(|(low, _)| low) == symbol, "{:?} {symbol:?}", main.code());
    ensure!(fail.never_returns() && !main.never_returns());
    Ok(())
}

pub(crate) fn functions_without_code_are_there_once(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let header = "static inline __attribute__((always_inline)) int twice(const char *what, int n) { return n * 2 + !what; }";
    let one =
        format!("{header} int other(int); int main(int n, char **w) {{ return twice(w[0], n) + other(n); }}");
    let other = format!("{header}\nint other(int n) {{ return twice(0, n) - 1; }}");
    let table =
        table(&workshop.build("gcc", "inline", &[("one", &one), ("other", &other)], &["-g", "-O2"])?)?;
    let twice = function(&table, "twice")?;
    ensure!(twice.code().is_none() && !twice.is_declaration());
    let parameters: Vec<_> = twice.parameters().map(|parameter| parameter.name.to_owned()).collect();
    ensure!(parameters == ["what", "n"], "{parameters:?}");
    Ok(())
}

pub(crate) fn enumerations_and_functions_are_as_written(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let source = "
        enum plain { A, B = 200, C }; enum negative { D = -3, E }; enum wide { F = 0xffffffffu, G = 1 };
        enum longer { H = 0x7fffffffffffffffL, I = -1 };
        enum plain p; enum negative n; enum wide w; enum longer l;
        int (*format)(const char *, ...); void (*old)(); void *(*make)(unsigned long, int);
        int main(int argc, char **argv) { return 0; }";
    for compiler in ["gcc", "clang"] {
        let table = table(&workshop.build(compiler, "kinds", &[("kinds", source)], &["-g", "-w"])?)?;
        let constants = |name: &str| -> Result<(Vec<i64>, bool)> {
            let ty = only(&table, name)?.ty().context("no type")?;
            Ok((ty.enumerators().map(|constant| constant.value).collect(), ty.flags().unsigned))
        };
        ensure!(constants("p")? == (vec![0, 200, 201], true), "{compiler}: {:?}", constants("p")?);
        ensure!(constants("n")? == (vec![-3, -2], false), "{compiler}: {:?}", constants("n")?);
        ensure!(constants("w")? == (vec![0xFFFF_FFFF, 1], true), "{compiler}: {:?}", constants("w")?);
        ensure!(constants("l")? == (vec![i64::MAX, -1], false), "{compiler}: {:?}", constants("l")?);
        let pointee = |name: &str| -> Result<_> {
            only(&table, name)?.ty().and_then(|ty| ty.target()).context("no function type")
        };
        let (format, old, make) = (pointee("format")?, pointee("old")?, pointee("make")?);
        ensure!(format.flags().variadic && format.parameters().len() == 1);
        ensure!(!make.flags().variadic && make.flags().prototyped && make.parameters().len() == 2);
        ensure!(!old.flags().prototyped && make.target().is_some() && old.target().is_none());
        let main = function(&table, "main")?;
        let names: Vec<_> = main.parameters().map(|parameter| parameter.name.to_owned()).collect();
        ensure!(names == ["argc", "argv"] && main.returns().and_then(|ty| ty.size()) == Some(4));
    }
    Ok(())
}

pub(crate) fn link_time_optimisation_loses_nothing(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let sources = [
        (
            "one",
            "struct shared { int n; struct shared *next; }; struct shared *head; static int count = 2;
                 int other(int n); int main(int n, char **w) { struct shared mine = { n }; if (n > 3) head = &mine; count += n; return other(count) + !head; }",
        ),
        (
            "other",
            "struct shared { int n; struct shared *next; }; extern struct shared *head; static int count = 3;
                   __attribute__((noinline)) int other(int n) { count += n; return head ? head->n : count; }",
        ),
    ];
    let table = table(&workshop.build("gcc", "lto", &sources, &["-g", "-O2", "-flto"])?)?;
    let head = only(&table, "head")?;
    ensure!(head.storage() == Storage::Static);
    let counts: Vec<_> = table.variables_named("count").map(|count| count.storage()).collect();
    ensure!(counts == [Storage::Static, Storage::Static], "{counts:?}");
    let shared: Vec<_> = table.types_named("shared").collect();
    ensure!(shared.len() == 1, "{shared:?}");
    for name in ["main", "other"] {
        ensure!(function(&table, name)?.code().is_some(), "{name}");
    }
    Ok(())
}
