//! `mcrx sites` as its users run it, on small programs built here.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Lines are counted by the tests.
const PROGRAM: &str = r#"#include <stdlib.h>
#include <string.h>
#include <stdio.h>
struct conn { int fd; struct conn *next; };
struct conn *all;
void *pool_take(size_t n);
__attribute__((noinline)) void *take(size_t n) {
    void *p = malloc(n);
    if (!p) abort();
    return p;
}
void add(int fd) {
    struct conn *c = take(sizeof *c);
    c->fd = fd;
    c->next = all;
    all = c;
}
struct conn *pooled(void) {
    struct conn *c = pool_take(sizeof *c);
    c->fd = 3;
    return c;
}
char *copied(const char *s) { return strdup(s); }
int main(int argc, char **argv) {
    add(argc);
    pooled();
    if (argc > 1) { puts("ready"); fflush(stdout); getchar(); }
    return copied(argv[0]) == NULL;
}
"#;

const POOL: &str = "#include <stdlib.h>\nvoid *pool_take(size_t n) { static char b[64]; return b; }\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn program(&self, options: &[&str]) -> PathBuf {
        let (source, pool) = (self.0.path().join("program.c"), self.0.path().join("pool.c"));
        fs::write(&source, PROGRAM).expect("the file can be written");
        fs::write(&pool, POOL).expect("the file can be written");
        let path = self.0.path().join("program");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let mut command = Command::new(compiler);
        command.args(["-O1", "-g", "-w"]).args(options).arg("-o").arg(&path).args([source, pool]);
        let output = command.output().expect("there is a compiler");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        path
    }
}

fn sites(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.arg("sites").arg(program).args(arguments).output().expect("mcrx runs")
}

fn facts(program: &Path, arguments: &[&str]) -> Value {
    let output = sites(program, &[&["--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let facts: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(facts["schema"], "mcrx.sites/1");
    facts
}

/// The site of a function.
fn site<'a>(facts: &'a Value, function: &str) -> &'a Value {
    let sites = facts["sites"].as_array().expect("sites");
    sites.iter().find(|site| site["function"] == function).unwrap_or_else(|| panic!("no {function}: {facts}"))
}

#[test]
fn a_site_has_its_place_its_type_and_why_it_is_that() {
    let folder = Folder::new();
    let facts = facts(&folder.program(&[]), &[]);
    let add = site(&facts, "add");
    assert_eq!((&add["verdict"], &add["type"]), (&Value::from("typed"), &Value::from("struct conn")));
    assert_eq!((&add["confidence"], &add["count"]), (&Value::from("certain"), &Value::from(1)));
    assert_eq!((&add["callee"], &add["size"]["bytes"]), (&Value::from("take"), &Value::from(16)));
    assert_eq!(add["line"], 13);
    let kinds: Vec<&Value> = add["evidence"].as_array().unwrap().iter().map(|seen| &seen["kind"]).collect();
    assert!(kinds.contains(&&Value::from("variable")) && kinds.contains(&&Value::from("global")), "{add}");
}

#[test]
fn a_wrapper_shows_itself_and_its_own_call_is_its_callers() {
    let folder = Folder::new();
    let facts = facts(&folder.program(&[]), &[]);
    assert_eq!(site(&facts, "take")["verdict"], "deeper");
    let wrappers = facts["wrappers"].as_array().expect("wrappers");
    assert!(wrappers.iter().any(|wrapper| wrapper["name"] == "take"), "{facts}");
}

#[test]
fn a_pool_is_seen_when_it_is_named() {
    let folder = Folder::new();
    let program = folder.program(&[]);
    let without = facts(&program, &[]);
    assert!(without["sites"].as_array().unwrap().iter().all(|site| site["function"] != "pooled"));
    let with = facts(&program, &["--allocator", "pool_take"]);
    assert_eq!(site(&with, "pooled")["type"], "struct conn");
}

#[test]
fn the_text_ends_in_totals_and_the_command_to_try_next() {
    let folder = Folder::new();
    let program = folder.program(&[]);
    let output = sites(&program, &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("1 typed: 1 certain, 0 probable"), "{text}");
    let next = format!("Next: mcrx sites {} --callers DIR", program.display());
    assert!(text.trim_end().ends_with(&next), "{text}");
}

/// The program, until its input ends.
struct Running(Child);

impl Running {
    fn start(program: &Path, callers: &Path) -> Running {
        let mut command = Command::new(program);
        command.arg("stay").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("LD_PRELOAD", mcrx_harness::preload().expect("libmcrx.so")).env("MCRX_CALLERS", callers);
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("text");
        assert_eq!(line, "ready\n");
        Running(child)
    }

    /// The functions of each site, innermost first.
    fn sites(&self) -> Vec<Vec<String>> {
        let pid = self.0.id().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_mcrx")).args(["blocks", "--json", &pid]).output();
        let facts: Value = serde_json::from_slice(&output.expect("mcrx runs").stdout).expect("JSON");
        let name = |frame: &Value| frame["function"].as_str().unwrap_or("?").to_owned();
        let frames = |row: &Value| row["frames"].as_array().expect("frames").iter().map(name).collect();
        facts["rows"].as_array().expect("rows").iter().map(frames).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn blocks_of_wrappers_are_followed_to_the_caller_by_the_table_that_is_written() {
    let folder = Folder::new();
    let program = folder.program(&["-Wl,--build-id"]);
    let callers = folder.0.path().join("callers");
    fs::create_dir(&callers).expect("a folder");
    let without = Running::start(&program, &callers).sites();
    assert!(without.contains(&vec!["take".to_owned()]), "{without:?}");
    let facts = facts(&program, &["--callers", callers.to_str().expect("a path")]);
    assert_eq!(facts["callers"]["left_out"], 0);
    let with = Running::start(&program, &callers).sites();
    assert!(with.contains(&vec!["take".to_owned(), "add".to_owned()]), "{with:?}");
}

#[test]
fn without_debug_info_it_is_said_how_to_get_it() {
    let folder = Folder::new();
    let output = sites(&folder.program(&["-g0"]), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("debug info") && said.contains("-g"), "{said}");
}

#[test]
fn what_is_no_program_is_refused() {
    let folder = Folder::new();
    let path = folder.0.path().join("text");
    fs::write(&path, "no program").expect("the file can be written");
    for path in [path.as_path(), Path::new("/nonexistent/program"), Path::new("/usr")] {
        let output = sites(path, &[]);
        assert_eq!(output.status.code(), Some(3));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}
