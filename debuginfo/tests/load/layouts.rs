//! Random structures, whose programs print what the compiler has made of them.

use crate::random::{Random, program};
use crate::workshop::{Workshop, aggregate, table};
use mcrx_debuginfo::table::{Count, Kind, Table, Type};
use mcrx_harness::{Context, Explain, Result, bail, ensure};

/// Structures in each program.
const STRUCTURES: usize = 80;

/// `loses_full_width`: clang writes down a bit-field of all its type's bits as if it were none, even where that does not begin at a
/// byte; nothing can be known of it.
fn agree(table: &Table, printed: &str, loses_full_width: bool) -> Result<usize> {
    let mut compared = 0;
    for line in printed.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number =
            |place: usize| words.get(place).and_then(|word| word.parse::<u64>().ok()).context("no number");
        let structure = aggregate(table, words.get(1).context("no name")?)?;
        let field =
            || structure.field(words.get(2).copied().unwrap_or("")).with_context(|| format!("no {line}"));
        match words.first() {
            Some(&"size") => ensure!(structure.size() == Some(number(2)?), "{line}: {:?}", structure.size()),
            Some(&"member") => {
                let (bit, member) = field()?;
                ensure!(bit == number(3)? * 8, "{line}: at bit {bit}");
                let size = member.ty().and_then(Type::size);
                ensure!(size == Some(number(4)?) && member.bit_size().is_none(), "{line}: {size:?}");
            }
            Some(&"bits") => {
                let (bit, member) = field()?;
                let bits = member.bit_size().map(u64::from);
                let size = member.ty().and_then(Type::size).unwrap_or(0);
                if loses_full_width && bits.is_none() && size * 8 == number(4)? {
                    continue;
                }
                ensure!(bit == number(3)? && bits == Some(number(4)?), "{line}: {bits:?} at {bit}");
            }
            _ => bail!("not understood: {line}"),
        }
        compared += 1;
    }
    Ok(compared)
}

fn random_structures(test: &Context, compiler: &str, flags: &[&[&str]]) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let mut random = Random(0x6D63_7278);
    let mut compared = 0;
    for flags in flags {
        let source = program(&mut random, STRUCTURES);
        let flags = [&["-w"], *flags].concat();
        let path = workshop.build(compiler, "random", &[("random", &source)], &flags)?;
        let printed = workshop.output(&path)?;
        compared += agree(&table(&path)?, &printed, compiler == "clang")
            .with_context(|| format!("{compiler} {flags:?}"))?;
    }
    ensure!(compared > STRUCTURES * flags.len() * 3, "only {compared} compared");
    Ok(())
}

pub(crate) fn gcc_and_the_table_agree_on_random_structures(test: &Context) -> Result<()> {
    random_structures(
        test,
        "gcc",
        &[
            &["-gdwarf-2", "-gstrict-dwarf", "-O0"],
            &["-gdwarf-3", "-gstrict-dwarf", "-O1"],
            &["-gdwarf-4", "-O2"],
            &["-gdwarf-4", "-gstrict-dwarf", "-O2"],
            &["-gdwarf-4", "-fdebug-types-section"],
            &["-gdwarf-5", "-O3"],
            &["-g", "-O2", "-flto"],
            &["-g", "-gsplit-dwarf"],
            &["-g", "-O2"],
            &["-g", "-O0"],
        ],
    )
}

pub(crate) fn clang_and_the_table_agree_on_random_structures(test: &Context) -> Result<()> {
    random_structures(
        test,
        "clang",
        &[
            &["-gdwarf-2", "-O0"],
            &["-gdwarf-3", "-O1"],
            &["-gdwarf-4", "-O2"],
            &["-gdwarf-5", "-O3"],
            &["-g", "-gsplit-dwarf"],
            &["-g", "-O0"],
        ],
    )
}

const ARRAYS: &str = "
struct arrays { int one[7]; char two[3][5]; short three[2][3][4]; long none[0]; double open[]; };
typedef float row[4];
struct arrays arrays; row rows[6]; extern int unknown[]; int unknown[9];
typedef int vector __attribute__((vector_size(16))); vector v;
int main(int n, char **w) { int dynamic[n]; dynamic[0] = n; return dynamic[n - 1] + unknown[0]; }
";

/// The extents of an array, outermost first, and the size of what is in it.
fn extents(ty: Option<Type<'_>>) -> (Vec<Option<u64>>, Option<u64>) {
    let (mut found, mut current) = (Vec::new(), ty.and_then(Type::resolved));
    while let Some(ty) = current {
        let Kind::Array { element, count } = ty.kind() else { break };
        found.push(match count {
            Count::Exactly(count) => Some(count),
            Count::Open => None,
        });
        current = element.and_then(Type::resolved);
    }
    (found, current.and_then(Type::size))
}

fn arrays(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for flags in [["-gdwarf-2", "-O0"], ["-gdwarf-4", "-O0"], ["-gdwarf-5", "-O2"]] {
        let table = table(&workshop.build(compiler, "arrays", &[("arrays", ARRAYS)], &flags)?)?;
        let structure = aggregate(&table, "arrays")?;
        let of = |name| extents(structure.field(name).and_then(|(_, member)| member.ty()));
        ensure!(of("one") == (vec![Some(7)], Some(4)));
        ensure!(of("two") == (vec![Some(3), Some(5)], Some(1)));
        ensure!(of("three") == (vec![Some(2), Some(3), Some(4)], Some(2)));
        ensure!(matches!(of("none").0[..], [Some(0) | None]), "{flags:?}: {:?}", of("none"));
        ensure!(of("open") == (vec![None], Some(8)), "{flags:?}: {:?}", of("open"));
        let variable = |name| table.variables_named(name).next().and_then(|variable| variable.ty());
        ensure!(extents(variable("rows")) == (vec![Some(6), Some(4)], Some(4)));
        ensure!(
            extents(variable("unknown")) == (vec![Some(9)], Some(4)),
            "{:?}",
            extents(variable("unknown"))
        );
        let vector = variable("v").and_then(Type::resolved).context("no vector")?;
        ensure!(vector.flags().vector && extents(Some(vector)) == (vec![Some(4)], Some(4)));
        ensure!(vector.size() == Some(16));
    }
    Ok(())
}

pub(crate) fn arrays_have_their_dimensions(test: &Context) -> Result<()> {
    arrays(test, "gcc")
}

pub(crate) fn arrays_of_clang_have_their_dimensions(test: &Context) -> Result<()> {
    arrays(test, "clang")
}
