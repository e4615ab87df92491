//! Makes what the fuzzer begins with, in `corpus/`: small programs, and what is read and written of them.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`. Needs gcc; with gdb there, core files too.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load;
use mcrx_debuginfo::sites::{self, Options};
use mcrx_tracer::image::{Fake, Module, Registers, Thread};
use mcrx_tracer::snapshot;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SOURCE: &str = "
#include <stdlib.h>
enum color { RED, BLUE = 7 };
union either { int n; char text[8]; };
struct node { struct node *next; union either it; enum color color : 4; unsigned many : 9; char *name; int rest[]; };
typedef struct node *list;
static list head;
_Thread_local int depth;
void *pool(size_t size) { return malloc(size); }
__attribute__((noinline)) list push(list onto, int n) {
    list new = pool(sizeof(struct node) + 4 * (size_t)n);
    if (!new) return onto;
    new->next = onto; new->it.n = n; depth++;
    return new;
}
__attribute__((noinline)) int sum(const struct node *of) {
    int all = 0;
    for (const struct node *at = of; at; at = at->next) switch (at->it.n) {
        case 1: all += 3; break; case 2: all ^= 5; break; case 3: all--; break; case 4: all *= 7; break; case 5: all /= 3; break;
        default: all += at->it.n;
    }
    return all;
}
int main(int count, char **arguments) {
    (void)arguments;
    for (int n = 0; n < count; n++) head = push(head, n);
    struct node *copies = calloc(3, sizeof *copies);
    return sum(head) + (copies != 0);
}
";

/// How the source is compiled: each finds other forms of debug info and code.
const FLAGS: [&[&str]; 5] = [
    &["-O2", "-g"],
    &["-O0", "-gdwarf-4"],
    &["-O2", "-g", "-gz", "-shared", "-fPIC", "-nostdlib"],
    &["-O1", "-gdwarf-5", "-fno-asynchronous-unwind-tables", "-fno-pie", "-no-pie"],
    &["-O2", "-gdwarf-2", "-s"],
];

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let scratch = std::env::temp_dir().join(format!("mcrx-seeds-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let made = make(&corpus, &scratch);
    fs::remove_dir_all(&scratch)?;
    made
}

fn make(corpus: &Path, scratch: &Path) -> Result<()> {
    for (number, flags) in FLAGS.iter().enumerate() {
        let program = compiled(scratch, number, flags)?;
        let bytes = fs::read(&program)?;
        keep(corpus, "binary", number, &bytes)?;
        keep(corpus, "code", number, &bytes)?;
        let binary = Binary::open(&program)?;
        let (Ok(table), Ok(dwarf)) = (load::load(&binary), binary.dwarf()) else { continue };
        keep(corpus, "table", number, table.as_bytes())?;
        let sites = sites::find(&binary, &table, Some(&dwarf), &Options::default());
        keep(corpus, "sites", number, sites.as_bytes())?;
    }
    for (number, image) in snapshots().enumerate() {
        let mut bytes = Vec::new();
        snapshot::write(&image, &snapshot::Options::default(), &mut bytes)?;
        keep(corpus, "snapshot", number, &bytes)?;
    }
    keep(corpus, "proc", 0, &fs::read("/proc/self/maps")?)?;
    keep(corpus, "heap", 0, &[0; 64])?;
    let requests = [
        "{\"request\": \"status\"}\n{\"request\": \"metrics\"}\n",
        "{\"request\": \"update\", \"program\": \"/bin/x\"}\n",
    ];
    for (number, request) in requests.iter().enumerate() {
        keep(corpus, "control", number, request.as_bytes())?;
    }
    for (number, text) in rule_files()?.iter().enumerate() {
        keep(corpus, "rules_parse", number, text)?;
        keep(corpus, "rules_format", number, text)?;
        keep(corpus, "rules_check", number, text)?;
    }
    match core(scratch) {
        Ok(bytes) => keep(corpus, "core_file", 0, &bytes)?,
        Err(error) => eprintln!("no core file: {error}"),
    }
    println!("{}", corpus.display());
    Ok(())
}

/// Rule files that there are: the tests' with everything of the grammar, their wrong ones, and the examples.
fn rule_files() -> Result<Vec<Vec<u8>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![fs::read(root.join("dsl/tests/everything.mcrx"))?];
    let mut folders = ["dsl/tests/wrong", "examples"].map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "mcrx") {
                files.push(fs::read(path)?);
            }
        }
    }
    Ok(files)
}

fn keep(corpus: &Path, target: &str, number: usize, bytes: &[u8]) -> Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{number}")), bytes)?;
    Ok(())
}

fn compiled(scratch: &Path, number: usize, flags: &[&str]) -> Result<PathBuf> {
    fs::write(scratch.join("seed.c"), SOURCE)?;
    let name = format!("seed-{number}");
    let mut command = Command::new("gcc");
    command.args(flags).args(["-w", "-Wl,--build-id", "seed.c", "-o", &name]).current_dir(scratch);
    if !command.status()?.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(scratch.join(name))
}

fn snapshots() -> impl Iterator<Item = mcrx_tracer::image::Image> {
    let module = Module { path: "/bin/x".into(), build_id: None, bias: 0, range: 0x1000..0x2000, tls: None };
    let thread =
        Thread { tid: 1, name: "x".to_owned(), registers: Registers::default(), blocked_in: Some(1) };
    let small = || Fake::new().words(0x1000, &[0x2000, 1, 2, 3]).bytes(0x2000, *b"some text, some text");
    let threaded = small().module(module).thread(thread);
    let large = small().bytes(0x10_0000, vec![5; (1 << 20) + 20]);
    [small(), threaded, large].into_iter().map(Fake::image)
}

/// Of a program that does next to nothing, taken by gdb.
fn core(scratch: &Path) -> Result<Vec<u8>> {
    let mut sleeper = Command::new("sleep").arg("60").spawn()?;
    let file = scratch.join("core");
    let pid = sleeper.id().to_string();
    let take = format!("gcore {}", file.display());
    let taken = Command::new("gdb")
        .args(["-batch", "-nx", "-p", &pid, "-ex", &take])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sleeper.kill()?;
    sleeper.wait()?;
    taken?;
    Ok(fs::read(file)?)
}
