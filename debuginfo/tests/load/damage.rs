//! Debug info with changed bytes: a table or an error, at once and in little memory.

use crate::random::Random;
use crate::workshop::{Workshop, open};
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::table::Layout;
use mcrx_harness::{Context, Explain, Result, ensure};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

const SOURCE: &str = r#"
struct point { int x, y; }; enum color { RED = -1, GREEN }; typedef struct node node_t;
struct node { node_t *next; struct point at[3][2]; unsigned seen : 3; enum color color; int (*call)(node_t *, ...); union { int n; float f; }; };
node_t *head; static __thread int depth; extern char **environ;
static inline __attribute__((always_inline)) int twice(int n) { static int calls; return n * 2 + calls++; }
__attribute__((noinline)) int work(node_t *node, int n) { return node ? twice(n) : depth; }
int main(int n, char **w) { struct local { long a; char b[7]; } local = { n }; head = 0; return work(head, n) + local.b[0] + !environ; }
"#;

/// How many changed copies are loaded, over all forms.
const COPIES: usize = 6000;

pub(crate) fn no_changed_byte_of_the_debug_info_does_harm(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let mut random = Random(0xDA3A6E);
    let (mut loaded, mut refused) = (0, 0);
    let forms: [&[&str]; 4] = [
        &["-gdwarf-5", "-O2"],
        &["-gdwarf-4", "-O0", "-fdebug-types-section"],
        &["-gdwarf-3", "-O2", "-gstrict-dwarf"],
        &["-g", "-O2", "-flto"],
    ];
    for flags in forms {
        let path = workshop.build("gcc", "whole", &[("whole", SOURCE)], flags)?;
        let whole = fs::read(&path)?;
        let places: Vec<usize> = {
            let binary = open(&path)?;
            let names = [
                ".debug_info",
                ".debug_abbrev",
                ".debug_types",
                ".debug_str",
                ".debug_rnglists",
                ".debug_line",
            ];
            let sections = names.iter().filter_map(|name| binary.section(name));
            // Most changes where most is decided.
            let find = |section: &[u8]| whole.windows(section.len()).position(|window| window == section);
            sections
                .filter_map(|section| Some((find(section)?, section.len())))
                .flat_map(|(start, len)| start..start + len)
                .collect()
        };
        ensure!(places.len() > 500, "the sections are not there");
        let changed_path = workshop.folder().join("changed");
        for copy in 0..COPIES / forms.len() {
            let mut changed = whole.clone();
            for _ in 0..=random.below(4) {
                let place = places[random.below(places.len())];
                changed[place] = match random.below(4) {
                    0 => 0,
                    1 => 0xFF,
                    2 => changed[place] ^ 1 << random.below(8),
                    _ => u8::try_from(random.below(256))?,
                };
            }
            fs::write(&changed_path, &changed)?;
            let start = Instant::now();
            let exercise = || -> Option<usize> {
                let table = load(&open(&changed_path).ok()?).ok()?;
                let looked = table.types().map(|ty| {
                    let _ =
                        (Layout::of(ty), ty.fields().len(), ty.size(), ty.place(9), ty.declared().file.len());
                    ty.name().map_or(0, str::len)
                });
                let functions = table.functions().map(|function| function.parameters().len());
                Some(looked.sum::<usize>() + functions.sum::<usize>() + table.variables().len())
            };
            let outcome = catch_unwind(AssertUnwindSafe(exercise));
            let harm = || {
                let kept = workshop.folder().join("harmful");
                let _ = fs::copy(&changed_path, &kept);
                format!("copy {copy} of {flags:?}, kept as {}", kept.display())
            };
            match outcome.map_err(|_| mcrx_harness::anyhow!("{}", harm()))? {
                Some(_) => loaded += 1,
                None => refused += 1,
            }
            ensure!(start.elapsed() < Duration::from_secs(5), "took {:?}: {}", start.elapsed(), harm());
        }
    }
    ensure!(loaded > COPIES / 10 && refused > COPIES / 20, "{loaded} loaded, {refused} refused");
    let most = peak()?;
    ensure!(most < 400 << 20, "took {most} bytes of memory");
    Ok(())
}

/// The most memory that this process has had, in bytes.
pub(crate) fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
