//! C++ and Rust: their types are layouts too.

use crate::workshop::{Workshop, aggregate, table};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::table::Type;
use mcrx_harness::{Context, Explain, Result, ensure};
use std::mem::{offset_of, size_of};

const CLASSES: &str = r#"
#include <cstdio>
#include <cstddef>
namespace outer { namespace { struct quiet { int n; }; }
  template <typename T, int N> struct box { T items[N]; int used; static int made; struct inner { T one; }; inner in; };
  template <typename T, int N> int box<T, N>::made = 3;
  class base { public: virtual ~base() {} long id; static const int limit = 9; };
  class other { public: short tag; };
  class derived : public base, public other { public: quiet q; enum class state : unsigned char { OFF, ON } s; int &ref; derived(int &r) : ref(r) {} };
  struct node; struct holder { node *first; int derived::*member; void (derived::*method)(); };
  struct node { holder h; node(); };
  node::node() {}
}
outer::box<double, 4> box; int target; outer::derived *made = new outer::derived(target); outer::node *node = new outer::node();
int main() {
    typedef outer::box<double, 4> box_t; typedef outer::derived derived;
    printf("outer::box<double, 4> used %zu %zu\n", offsetof(box_t, used), sizeof(box_t));
    printf("outer::box<double, 4> in %zu %zu\n", offsetof(box_t, in), sizeof(box_t));
    printf("outer::derived q %zu %zu\n", (size_t)((char *)&made->q - (char *)made), sizeof(derived));
    printf("outer::derived s %zu %zu\n", (size_t)((char *)&made->s - (char *)made), sizeof(derived));
    printf("outer::holder method %zu %zu\n", offsetof(outer::holder, method), sizeof(outer::holder));
    return box.made == 4;
}
"#;

fn classes(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for flags in [
        &["-gdwarf-4", "-O0"][..],
        &["-gdwarf-5", "-O0"],
        &["-g", "-O2"],
        &["-gdwarf-5", "-fdebug-types-section"],
    ] {
        let path =
            workshop.build(compiler, "classes", &[("classes", CLASSES)], &[flags, &["-w"]].concat())?;
        let table = table(&path)?;
        for line in workshop.output(&path)?.lines() {
            let words: Vec<&str> = line.rsplitn(4, ' ').collect();
            let [size, offset, field, name] = words[..] else {
                mcrx_harness::bail!("not understood: {line}")
            };
            let ty = aggregate(&table, name).with_context(|| format!("{flags:?}"))?;
            ensure!(
                ty.size().map(|size| size.to_string()).as_deref() == Some(size),
                "{flags:?} {line}: {:?}",
                ty.size()
            );
            let found = ty.field(field).map(|(bit, _)| (bit / 8).to_string());
            ensure!(found.as_deref() == Some(offset), "{flags:?} {line}: {found:?}");
        }
        let derived = aggregate(&table, "outer::derived")?;
        let bases: Vec<_> = derived.members().filter(|member| member.is_base()).collect();
        let names: Vec<_> = bases.iter().map(|base| base.ty().and_then(Type::name)).collect();
        ensure!(names == [Some("outer::base"), Some("outer::other")] && bases[1].offset() == 16, "{bases:?}");
        ensure!(table.types_named("outer::(anonymous namespace)::quiet").count() == 1, "{flags:?}");
        let made = table.variables_named("outer::box<double, 4>::made").next();
        ensure!(
            made.and_then(|made| made.ty()).and_then(Type::size) == Some(4),
            "{flags:?}: no static member"
        );
    }
    Ok(())
}

pub(crate) fn classes_of_cpp_are_laid_out_as_the_compiler_says(test: &Context) -> Result<()> {
    classes(test, "g++")
}

pub(crate) fn classes_of_cpp_by_clang_are_laid_out_as_the_compiler_says(test: &Context) -> Result<()> {
    classes(test, "clang++")
}

#[derive(Debug, Clone, Copy)]
struct Layered {
    small: u8,
    wide: u64,
    pair: (u16, u32),
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Named(u8, Layered),
}

/// This test's own program: whatever the profile, its layout is what `offset_of!` says.
pub(crate) fn rust_says_the_same_of_its_own_types(_: &Context) -> Result<()> {
    let layered = Layered { small: 1, wide: 2, pair: (3, 4) };
    // Kept alive, so that the compiler describes them.
    let shapes =
        std::hint::black_box([Shape::Point, Shape::Circle { radius: 1.0 }, Shape::Named(7, layered)]);
    let [_, Shape::Circle { radius }, Shape::Named(number, named)] = shapes else {
        mcrx_harness::bail!("{shapes:?}")
    };
    ensure!(radius > 0.5 && number == 7 && named.wide == 2);
    let binary = Binary::open(&std::env::current_exe()?)?;
    let table = match load(&binary) {
        Ok(table) => table,
        // Without debug info there is nothing to see; that is said, and is no fault.
        Err(error) => return Err(error).context("the test's own program"),
    };
    let rust = table.units().any(|unit| unit.producer().contains("rustc"));
    ensure!(rust, "no unit of Rust");
    let ending =
        |name: &'static str| table.types().filter(move |ty| ty.name().is_some_and(|own| own.ends_with(name)));
    let Some(ours) = ending("::languages::Layered").next() else {
        // Only lines, as the profile has it: types are not described.
        ensure!(table.types().len() < 1000, "types of others are there, and ours are not");
        return Ok(());
    };
    ensure!(ours.size() == u64::try_from(size_of::<Layered>()).ok());
    for (name, offset) in [
        ("small", offset_of!(Layered, small)),
        ("wide", offset_of!(Layered, wide)),
        ("pair", offset_of!(Layered, pair)),
    ] {
        let found = ours.field(name).map(|(bit, _)| bit / 8);
        ensure!(found == u64::try_from(offset).ok(), "{name}: {found:?}");
    }
    let shape = ending("::languages::Shape").next().context("no enumeration")?;
    let variants: std::collections::BTreeSet<_> =
        shape.members().filter_map(|member| member.variant()).collect();
    ensure!(variants.len() == 3, "{variants:?} of {:?}", shape.members().collect::<Vec<_>>());
    ensure!(ending("::languages::Shape::Circle").next().is_some());
    Ok(())
}
