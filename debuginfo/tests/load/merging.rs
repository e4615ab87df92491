//! Which types of different units are the same, and which are not.

use crate::workshop::{Workshop, aggregate, aggregates, table};
use mcrx_debuginfo::table::{Table, Type};
use mcrx_harness::{Context, Explain, Result, ensure};

fn two(test: &Context, one: &str, other: &str) -> Result<Table> {
    let workshop = Workshop::new(test)?;
    table(&workshop.build("gcc", "program", &[("one", one), ("other", other)], &["-g", "-O0", "-w"])?)
}

fn variable<'t>(table: &'t Table, name: &str) -> Result<Type<'t>> {
    table
        .variables_named(name)
        .next()
        .and_then(|variable| variable.ty())
        .with_context(|| format!("no {name}"))
}

/// What a pointer, or a typedef of one, points to.
fn pointee(ty: Type<'_>) -> Result<Type<'_>> {
    ty.resolved().and_then(Type::target).context("no pointer")
}

pub(crate) fn structures_of_one_name_that_differ_stay_apart(test: &Context) -> Result<()> {
    let table = two(
        test,
        "struct dict { int size; void *table; }; struct dict one; int main(void) { return one.size; }",
        "struct dict { long size; void *table; }; struct dict other;",
    )?;
    ensure!(aggregates(&table, "dict").len() == 2);
    let (one, other) = (variable(&table, "one")?, variable(&table, "other")?);
    ensure!(one != other && one.size() == other.size());
    let first = |ty: Type<'_>| ty.field("size").and_then(|(_, member)| member.ty()).and_then(Type::size);
    ensure!(first(one) == Some(4) && first(other) == Some(8));
    let unit = |ty: Type<'_>| ty.unit().map(|unit| unit.name().to_owned());
    ensure!(unit(one).as_deref() == Some("one.c") && unit(other).as_deref() == Some("other.c"));
    Ok(())
}

pub(crate) fn a_difference_far_below_keeps_apart_what_reaches_it(test: &Context) -> Result<()> {
    const CHAIN: &str = "
        struct h { struct g *g; }; struct g { struct f *f; }; struct f { struct e *e; }; struct e { struct d *d; };
        struct d { struct c *c; }; struct c { struct b *b; }; struct b { struct a *a; }; struct x { int same; };";
    let one =
        format!("{CHAIN} struct a {{ int n; }}; struct h one; struct x same; int main(void) {{ return 0; }}");
    let other = format!("{CHAIN} struct a {{ float n; }}; struct h other; struct x again;");
    let table = two(test, &one, &other)?;
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        ensure!(aggregates(&table, name).len() == 2, "{name}");
    }
    ensure!(aggregates(&table, "x").len() == 1);
    let (mut one, mut other) = (variable(&table, "one")?, variable(&table, "other")?);
    for name in ["g", "f", "e", "d", "c", "b", "a"] {
        ensure!(one != other);
        one = pointee(one.field(name).and_then(|(_, member)| member.ty()).context("no member")?)?;
        other = pointee(other.field(name).and_then(|(_, member)| member.ty()).context("no member")?)?;
        ensure!(one.name() == Some(name));
    }
    ensure!(one.field("n").map(|(_, member)| member.ty()) != other.field("n").map(|(_, member)| member.ty()));
    Ok(())
}

pub(crate) fn types_that_refer_to_each_other_in_circles_are_one(test: &Context) -> Result<()> {
    const TYPES: &str = "
        struct cycle; typedef struct cycle cycle_t;
        struct pool { cycle_t *cycle; struct pool *next; void (*clean)(struct pool *, const cycle_t *); };
        struct log { struct pool *pool; struct conn *conns; }; struct conn { struct log log; cycle_t *cycle; };
        struct cycle { struct pool *pool; struct log *log; cycle_t *old; struct conn conns[3]; };";
    // In another order, so that nothing has the same place in both units.
    let one = format!("{TYPES} cycle_t *one; int main(void) {{ return !one; }}");
    let other =
        format!("struct conn *conn; int padding; struct log *log; {TYPES} cycle_t *other; struct pool *p;");
    let table = two(test, &one, &other)?;
    for name in ["cycle", "pool", "log", "conn"] {
        ensure!(aggregates(&table, name).len() == 1, "{name}: {:?}", aggregates(&table, name));
    }
    ensure!(variable(&table, "one")? == variable(&table, "other")?);
    let cycle = pointee(variable(&table, "one")?)?.resolved().context("no structure")?;
    ensure!(cycle.field("old").and_then(|(_, old)| old.ty()) == Some(variable(&table, "one")?));
    Ok(())
}

pub(crate) fn a_declaration_is_the_definition_of_another_unit(test: &Context) -> Result<()> {
    let table = two(
        test,
        "struct hidden; union both; enum kind; struct user { struct hidden *hidden; union both *both; enum kind *kind; };
         struct user one; int main(void) { return !one.hidden; }",
        "struct hidden { int inside; }; union both { int n; float f; }; enum kind { A, B };
         struct user { struct hidden *hidden; union both *both; enum kind *kind; }; struct user other;",
    )?;
    ensure!(aggregates(&table, "hidden").len() == 1 && aggregates(&table, "user").len() == 1);
    ensure!(variable(&table, "one")? == variable(&table, "other")?);
    for (name, size) in [("hidden", 4), ("both", 4), ("kind", 4)] {
        let field = variable(&table, "one")?.field(name).and_then(|(_, member)| member.ty());
        let below = pointee(field.context("no field")?)?;
        ensure!(!below.is_declaration() && below.size() == Some(size), "{name}: {below:?}");
    }
    Ok(())
}

pub(crate) fn a_declaration_that_two_units_define_differently_stays_one(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let sources = [
        ("one", "struct state { int n; }; struct state one; int main(void) { return one.n; }"),
        ("other", "struct state { char *s; }; struct state other;"),
        ("third", "struct state; struct state *third;"),
    ];
    let table = table(&workshop.build("gcc", "program", &sources, &["-g"])?)?;
    ensure!(aggregates(&table, "state").len() == 3);
    ensure!(pointee(variable(&table, "third")?)?.is_declaration());
    ensure!(!variable(&table, "one")?.is_declaration() && !variable(&table, "other")?.is_declaration());
    Ok(())
}

pub(crate) fn a_declaration_is_rather_the_definition_of_its_own_unit(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // C++ writes a declaration where the class is only named inside another one.
    let one = "struct outer { struct inner; inner *p; }; struct outer::inner { int n; }; outer one; int main() { return 0; }";
    let other =
        "struct outer { struct inner; inner *p; char c; }; struct outer::inner { double d; }; outer other;";
    let table = table(&workshop.build("g++", "program", &[("one", one), ("other", other)], &["-g"])?)?;
    for (name, size) in [("one", 4), ("other", 8)] {
        let inner = variable(&table, name)?.field("p").and_then(|(_, p)| p.ty()).context("no p")?;
        ensure!(pointee(inner)?.size() == Some(size), "{name}");
    }
    Ok(())
}

pub(crate) fn anonymous_types_are_one_where_they_are_alike(test: &Context) -> Result<()> {
    let table = two(
        test,
        "typedef struct { int x, y; } point; typedef struct { int y, x; } swapped; point one; swapped not;
         struct line { struct { point a, b; }; union { int n; float f; } u; } line; int main(void) { return 0; }",
        "typedef struct { int x, y; } point; point other; struct line { struct { point a, b; }; union { int n; float f; } u; } two;",
    )?;
    ensure!(variable(&table, "one")? == variable(&table, "other")?);
    ensure!(variable(&table, "one")?.resolved() != variable(&table, "not")?.resolved());
    ensure!(variable(&table, "line")? == variable(&table, "two")?);
    ensure!(aggregate(&table, "line")?.fields().len() == 3);
    Ok(())
}

pub(crate) fn both_compilers_mean_the_same_structure(test: &Context) -> Result<()> {
    const TYPES: &str = "
        struct node { struct node *next; unsigned seen : 3, dirty : 1; char name[12]; enum { X, Y } kind; };";
    let workshop = Workshop::new(test)?;
    let one = format!("{TYPES} struct node one; int main(void) {{ return 0; }}");
    let other = format!("{TYPES} struct node other;");
    for (name, text) in [("one.c", one), ("other.c", other)] {
        std::fs::write(workshop.folder().join(name), text)?;
    }
    // Bit-fields are written in two ways.
    workshop.run("gcc", &["-gdwarf-5", "-c", "one.c", "-o", "one.o"])?;
    workshop.run("clang", &["-gdwarf-3", "-c", "other.c", "-o", "other.o"])?;
    workshop.run("gcc", &["one.o", "other.o", "-o", "program"])?;
    let table = table(&workshop.folder().join("program"))?;
    let (one, other) = (variable(&table, "one")?, variable(&table, "other")?);
    let fields = |ty: Type<'_>| -> Vec<(u64, Option<u32>)> {
        ty.fields().iter().map(|(bit, member)| (*bit, member.bit_size())).collect()
    };
    ensure!(
        one.size() == other.size() && fields(one) == fields(other),
        "{:?} {:?}",
        fields(one),
        fields(other)
    );
    Ok(())
}
